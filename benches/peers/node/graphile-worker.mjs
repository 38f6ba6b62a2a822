// graphile-worker, with a local queue and completions in batches, as its page on performance has them.

import { Logger, makeWorkerUtils, run } from "graphile-worker";
import pg from "pg";
import { PAYLOAD, play, ran } from "./contest.mjs";

const TASK = "nothing";
const CONNECTIONS = 20;
const WORKERS = 24;
const LOCAL_QUEUE = 500;

const logger = new Logger(() => (level, message) => {
  if (level === "error") console.error(`graphile-worker: ${message}`);
});
const pgPool = new pg.Pool({ connectionString: process.argv[2], max: CONNECTIONS });
pgPool.on("error", (error) => console.error(`graphile-worker: ${error.message}`));
const utils = await makeWorkerUtils({ pgPool, logger });
await utils.migrate();

await play({
  enqueue: () => utils.addJob(TASK, PAYLOAD),
  enqueueMany: (count) => utils.addJobs(Array.from({ length: count }, () => ({ identifier: TASK, payload: PAYLOAD }))),
  work: () =>
    run({
      pgPool,
      logger,
      noHandleSignals: true,
      taskList: { [TASK]: async () => ran() },
      preset: {
        worker: {
          concurrentJobs: WORKERS,
          pollInterval: 100,
          localQueue: { size: LOCAL_QUEUE },
          completeJobBatchDelay: 0,
          failJobBatchDelay: 0,
        },
      },
    }),
});
