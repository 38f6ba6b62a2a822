-- What a claim told stands in the log as the jobs that it took: its own statement writes that, where one that came after it would cost
-- another way to the server and back before a job begins.
-- Whoever writes waits behind a change of the table that waits itself, for a transaction that is open: rather than that, it is given up
-- and made by another start.
SET LOCAL lock_timeout = '5s';
ALTER TABLE faena.event_batch ADD COLUMN claimed json, ALTER COLUMN events DROP NOT NULL;
