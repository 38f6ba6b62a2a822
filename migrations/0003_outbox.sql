-- Who wants to hear of events, how far each of them is, and what is on its way to them. The course changes with each step of a
-- relay, so it stands beside the terms.
CREATE TABLE faena.subscription (
    id uuid PRIMARY KEY, created_at bigint NOT NULL, revision bigint NOT NULL, subscription text NOT NULL);
CREATE TABLE faena.course (id uuid PRIMARY KEY, course text NOT NULL) WITH (fillfactor = 50);
-- state: 0 pending, 1 delivered, 2 dead.
CREATE TABLE faena.sending (
    subscription uuid NOT NULL, place bigint NOT NULL, state smallint NOT NULL, event text NOT NULL,
    occurred_at bigint NOT NULL, changed_at bigint NOT NULL, sending text NOT NULL, PRIMARY KEY (subscription, place)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX sending_state ON faena.sending (subscription, state, place);
CREATE INDEX sending_settled ON faena.sending (changed_at) WHERE state <> 0;
