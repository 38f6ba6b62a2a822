// pg-boss, told of new jobs by NOTIFY, fetching without a pause while batches come back full.

import { PgBoss } from "pg-boss";
import { PAYLOAD, play, ran } from "./contest.mjs";

const QUEUE = "nothing";
const CONNECTIONS = 20;
const FETCHERS = 4;
const BATCH = 1_000;

const boss = new PgBoss({ connectionString: process.argv[2], max: CONNECTIONS, useListenNotify: true });
boss.on("error", (error) => console.error(`pg-boss: ${error.message}`));
await boss.start();
await boss.createQueue(QUEUE, { notify: true });

await play({
  enqueue: () => boss.send(QUEUE, PAYLOAD),
  enqueueMany: (count) => boss.insert(QUEUE, Array.from({ length: count }, () => ({ data: PAYLOAD }))),
  work: () =>
    boss.work(
      QUEUE,
      { batchSize: BATCH, localConcurrency: FETCHERS, pollingIntervalSeconds: 0.5, burstWhenBatchFull: true },
      async (jobs) => ran(jobs.length),
    ),
});
