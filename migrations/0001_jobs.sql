-- The tables of faena in PostgreSQL, in a schema of their own so that they may share a database with an application.
--
-- `live` holds what has not ended: narrow, and small while jobs are done as fast as they come. What has ended moves to
-- `history`, partitioned by the day of its end, so that forgetting is dropping. Moments are milliseconds since 1970, UTC.

CREATE SEQUENCE faena.job_seq;
CREATE SEQUENCE faena.number;

-- A process that has the store open. Jobs that run inside of it are held by its sign of life (`beat`, by the clock of the
-- database), not by one each. It may be silent for `term_ms`.
CREATE TABLE faena.node (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    boot text NOT NULL, machine text NOT NULL, process integer NOT NULL, version text NOT NULL,
    term_ms bigint NOT NULL,
    since timestamptz NOT NULL DEFAULT clock_timestamp(), beat timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 50);

-- What each transaction of nodes leaves behind for a while, so that whoever loses the answer to a commit finds out what became of it.
CREATE TABLE faena.mark (id uuid NOT NULL, at timestamptz NOT NULL DEFAULT now());
CREATE INDEX mark_at ON faena.mark (at);

-- state: 0 waits, 1 waits beside the full gate of its concurrency key, 2 runs.
-- A claim leaves `life` as it was and notes who claimed when; what a running job looks like follows from both.
-- `progress` and `lease_until` are in no index, so that a report rewrites nothing else. Giving its end back to the disk would
-- lock the table against everybody.
CREATE TABLE faena.live (
    seq bigint PRIMARY KEY, id uuid NOT NULL, created_at bigint NOT NULL,
    state smallint NOT NULL, was smallint NOT NULL DEFAULT 0,
    revision integer NOT NULL, epoch integer NOT NULL,
    run_at bigint NOT NULL, urgency bigint NOT NULL, put_off boolean NOT NULL, expires_at bigint,
    started_at bigint, keeper bigint, ticket bigint, leased boolean NOT NULL DEFAULT false, lease_until bigint,
    stopping boolean NOT NULL DEFAULT false,
    priority smallint NOT NULL, kind text NOT NULL, sub_type text NOT NULL,
    user_id text, schedule_id text, unique_key text, gate_key text, gate_limit integer,
    holder text, progress text, tags text[], life text, spec text NOT NULL, payload bytea NOT NULL
) WITH (fillfactor = 80, toast_tuple_target = 1024, vacuum_truncate = off,
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0,
    autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 50000,
    autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 50000);
CREATE UNIQUE INDEX live_id ON faena.live (id);
CREATE INDEX live_ready ON faena.live (sub_type, priority, run_at, seq) WHERE state = 0;
CREATE INDEX live_gated ON faena.live (gate_key, sub_type, urgency, seq) WHERE state = 1;
CREATE INDEX live_gate ON faena.live (gate_key, state, sub_type) WHERE state <> 1 AND gate_key IS NOT NULL;
CREATE INDEX live_put_off ON faena.live (run_at) WHERE put_off AND state < 2;
CREATE INDEX live_expiry ON faena.live (expires_at) WHERE state < 2 AND expires_at IS NOT NULL;
-- By the worker that holds the lease.
CREATE INDEX live_leased ON faena.live (substring(holder FROM '"node":"([^"]*)"')) WHERE state = 2 AND leased;
CREATE INDEX live_kept ON faena.live (keeper) WHERE state = 2 AND NOT leased;
CREATE INDEX live_user ON faena.live (user_id, seq) WHERE user_id IS NOT NULL;
CREATE INDEX live_schedule ON faena.live (schedule_id, seq) WHERE schedule_id IS NOT NULL;

-- The indexes begin with what rises, or are of few rows, so that appending stays cheap.
CREATE TABLE faena.history (
    seq bigint NOT NULL, id uuid NOT NULL, created_at bigint NOT NULL, ended_at bigint NOT NULL,
    status smallint NOT NULL, dead boolean NOT NULL, revision integer NOT NULL, epoch integer NOT NULL,
    priority smallint NOT NULL, kind text NOT NULL, sub_type text NOT NULL,
    user_id text, schedule_id text, unique_key text, gate_key text, gate_limit integer, result text,
    tags text[], life text NOT NULL, spec text NOT NULL, payload bytea NOT NULL
) PARTITION BY LIST (status);
CREATE INDEX history_id ON faena.history (id);
CREATE INDEX history_seq ON faena.history (seq);
CREATE INDEX history_ended ON faena.history (ended_at);
CREATE INDEX history_status ON faena.history (status, seq) WHERE status <> 3;
CREATE INDEX history_dead ON faena.history (seq) WHERE dead;
CREATE INDEX history_user ON faena.history (user_id, seq) WHERE user_id IS NOT NULL;
CREATE INDEX history_schedule ON faena.history (schedule_id, seq) WHERE schedule_id IS NOT NULL;
-- Failed jobs are remembered for longer than the others, so each of the two has partitions of its own: a day is dropped whole.
CREATE TABLE faena.done PARTITION OF faena.history FOR VALUES IN (3, 5) PARTITION BY RANGE (ended_at);
CREATE TABLE faena.failed PARTITION OF faena.history FOR VALUES IN (4) PARTITION BY RANGE (ended_at);
-- Ends that no calendar knows, and those of a day whose partition nobody has made yet.
CREATE TABLE faena.done_other PARTITION OF faena.done DEFAULT;
CREATE TABLE faena.failed_other PARTITION OF faena.failed DEFAULT;

-- Keys of what happens once. The constraint decides, whoever looked before.
CREATE TABLE faena.unique_key (key text PRIMARY KEY, id uuid NOT NULL, until bigint);
CREATE INDEX unique_key_until ON faena.unique_key (until) WHERE until IS NOT NULL;
CREATE TABLE faena.request (key text PRIMARY KEY, body bytea NOT NULL, until bigint NOT NULL, receipt text NOT NULL);
CREATE INDEX request_until ON faena.request (until);

CREATE TABLE faena.paused (sub_type text PRIMARY KEY);
CREATE TABLE faena.log (
    line bigint GENERATED ALWAYS AS IDENTITY, seq bigint NOT NULL, at bigint NOT NULL, epoch integer NOT NULL,
    text text NOT NULL, PRIMARY KEY (seq, line));

-- Results that are too large for a job's row, in pieces. The head comes with the last piece; another edition replaces it whole.
-- `job` stands in the key; `looked_at` is when it was last looked for whether its job still has it.
CREATE TABLE faena.result (
    key text PRIMARY KEY, job uuid, edition bigint NOT NULL, former bigint, size bigint NOT NULL,
    looked_at timestamptz NOT NULL DEFAULT clock_timestamp());
CREATE INDEX result_looked_at ON faena.result (looked_at);
CREATE TABLE faena.result_piece (edition bigint NOT NULL, piece integer NOT NULL, bytes bytea NOT NULL, PRIMARY KEY (edition, piece));
-- What is large has mostly been compressed by whoever made it.
ALTER TABLE faena.result_piece ALTER COLUMN bytes SET STORAGE EXTERNAL;

-- Counts are kept, not counted: every transaction adds what it changed, and now and then the additions are summed up. There
-- is no row that everybody waits for. The status 6 stands for dead letters.
CREATE TABLE faena.tally (
    kind text NOT NULL, sub_type text NOT NULL, priority smallint NOT NULL, status smallint NOT NULL, jobs bigint NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0);
CREATE TABLE faena.minute (
    minute bigint NOT NULL, completed bigint NOT NULL, failed bigint NOT NULL, cancelled bigint NOT NULL,
    retried bigint NOT NULL, took_ms bigint NOT NULL, durations bytea NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX minute_minute ON faena.minute (minute);

CREATE TABLE faena.lock (
    name text PRIMARY KEY, owner text NOT NULL, token bigint NOT NULL, acquired_at bigint NOT NULL, until bigint NOT NULL,
    in_process boolean NOT NULL) WITH (fillfactor = 50);
CREATE TABLE faena.state (
    name text PRIMARY KEY, value text NOT NULL, revision bigint NOT NULL, updated_at bigint NOT NULL, until bigint NOT NULL,
    bytes bigint NOT NULL);

-- Workers of other processes, and every subtype that one has ever done.
CREATE TABLE faena.worker (id text PRIMARY KEY, worker text NOT NULL, lease_ms bigint NOT NULL, heard_at bigint NOT NULL)
    WITH (fillfactor = 50);
CREATE TABLE faena.worker_sub_type (sub_type text PRIMARY KEY);

-- Terms and life stand apart: a tick writes a short row, whatever the payload weighs.
CREATE TABLE faena.schedule (
    id uuid PRIMARY KEY, name text NOT NULL UNIQUE, created_at bigint NOT NULL, created_by text, spec text NOT NULL);
CREATE TABLE faena.schedule_life (
    id uuid PRIMARY KEY REFERENCES faena.schedule ON DELETE CASCADE,
    revision integer NOT NULL, last_tick bigint, due_at bigint, planned_at bigint NOT NULL, life text NOT NULL
) WITH (fillfactor = 50);
CREATE INDEX schedule_due ON faena.schedule_life (due_at, id) WHERE due_at IS NOT NULL;
CREATE INDEX schedule_planned ON faena.schedule_life (planned_at);

-- One alert fires for one rule and subject, by constraint.
CREATE TABLE faena.alert_rule (name text PRIMARY KEY, rule text NOT NULL, revision bigint NOT NULL);
CREATE TABLE faena.alert (
    id uuid PRIMARY KEY, rule text NOT NULL, subject text NOT NULL, fired_at bigint NOT NULL, cleared_at bigint,
    count integer NOT NULL, alert text NOT NULL);
CREATE UNIQUE INDEX alert_firing ON faena.alert (rule, subject) WHERE cleared_at IS NULL;
CREATE INDEX alert_fired ON faena.alert (fired_at, id);

-- Keys of callers, by the digest of their secret: no two have one. What changes stands beside the record.
CREATE TABLE faena.api_key (
    id uuid PRIMARY KEY, digest bytea NOT NULL UNIQUE, created_at bigint NOT NULL, revoked_at bigint, used_at bigint,
    key text NOT NULL) WITH (fillfactor = 50);
