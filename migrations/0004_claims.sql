-- What a claim told stands in the log as the jobs that it took: its own statement writes that, where one that came after it would cost
-- another way to the server and back before a job begins.
ALTER TABLE faena.event_batch ADD COLUMN claimed json, ALTER COLUMN events DROP NOT NULL;
