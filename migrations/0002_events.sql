-- What each change told: the events of one commit are one row, in a form that only the program reads, so that writing them
-- costs little more than their bytes.
--
-- A number is drawn by the last statement of a transaction, while it holds all of its locks. So numbers agree with the order in which
-- one job, schedule or alert changed; but a number may show late, or never. A row gets its place in the log once somebody has
-- seen it committed, and is read by its place. `high_at` is the latest moment of all rows up to its own. `about` has digests of
-- what its events are about that is no job; jobs are found by their numbers and times.
CREATE SEQUENCE faena.event_n;
CREATE TABLE faena.event_batch (
    n bigint NOT NULL DEFAULT nextval('faena.event_n'), place bigint, high_at bigint,
    first_at bigint NOT NULL, last_at bigint NOT NULL, min_seq bigint, max_seq bigint, about bigint[], count integer NOT NULL,
    calls boolean NOT NULL,
    events bytea NOT NULL
) WITH (toast_tuple_target = 1024, vacuum_truncate = off,
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0,
    autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 50000,
    autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 50000);
-- To compress it would cost more than it saves.
ALTER TABLE faena.event_batch ALTER COLUMN events SET STORAGE EXTERNAL;
CREATE INDEX event_pending ON faena.event_batch (n) WHERE place IS NULL;
CREATE UNIQUE INDEX event_place ON faena.event_batch (place) WHERE place IS NOT NULL;
CREATE INDEX event_high ON faena.event_batch (high_at, place) WHERE place IS NOT NULL;

-- The last place that was given; the last event that is there, the last that may call somebody back (`calls`: one of its row does),
-- and the last that was forgotten, each as its row's place times 65,536
-- and its own there. Whoever gives places holds this row.
CREATE TABLE faena.event_end (
    place bigint NOT NULL, high_at bigint NOT NULL, last bigint NOT NULL DEFAULT 0,
    called bigint NOT NULL DEFAULT 0, forgotten bigint NOT NULL DEFAULT 0) WITH (fillfactor = 50);
INSERT INTO faena.event_end VALUES (0, -9223372036854775808);

CREATE TABLE faena.event_about (about bigint NOT NULL, place bigint NOT NULL, PRIMARY KEY (about, place));
CREATE INDEX event_about_place ON faena.event_about (place);
