// Plays a queue that stands beside the program: does what stdin says, and answers each line with one on stdout. It is what
// src/contestants/mod.rs does, in the language of these queues.

import { createInterface } from "node:readline";

export const PAYLOAD = JSON.parse(
  '{"customer":"c-0017","document":"invoice","lines":[1,2,3,4,5,6],' +
    '"note":"to be printed and sent before the end of the month, with a copy for the file"}',
);

const PRODUCERS = 64;
const WARM_UP_MS = 500;
const BATCH = 5_000;
const REST_MS = 5;
const PATIENCE_MS = 60_000;

let seen = 0;
let waits = null;

/** What a handler does. */
export function ran(count = 1) {
  seen += count;
  if (waits && seen >= waits.count) {
    waits.resolve();
    waits = null;
  }
}

/** Obeys for a queue with `enqueue`, `enqueueMany` and `work`. */
export async function play(queue) {
  console.log(JSON.stringify({ ready: true }));
  for await (const line of createInterface({ input: process.stdin })) {
    const [what, argument] = line.split(" ");
    const answer = await deeds[what](queue, Number(argument));
    console.log(JSON.stringify(answer));
  }
  process.exit(0);
}

const deeds = {
  async post(queue, seconds) {
    return (await post(queue, seconds)).counted;
  },

  async complete(queue, seconds) {
    const before = seen;
    await queue.work();
    const { jobs, began } = await post(queue, seconds);
    await waitFor(before + jobs);
    return { jobs, seconds: since(began) };
  },

  async drain(queue, count) {
    for (let first = 0; first < count; first += BATCH) {
      await queue.enqueueMany(Math.min(BATCH, count - first));
    }
    const before = seen;
    const began = performance.now();
    await queue.work();
    await waitFor(before + count);
    return { jobs: count, seconds: since(began) };
  },

  async latency(queue, rounds) {
    await queue.work();
    await sleep(1_000);
    const micros = [];
    for (let round = 0; round < rounds + 10; round += 1) {
      await sleep(REST_MS);
      const began = performance.now();
      const started = waitFor(seen + 1).then(() => performance.now());
      await queue.enqueue();
      const at = await started;
      if (round >= 10) micros.push(Math.round(1_000 * (at - began)));
    }
    return { micros };
  },
};

async function post(queue, seconds) {
  const began = performance.now();
  const from = began + WARM_UP_MS;
  const until = from + 1_000 * seconds;
  let jobs = 0;
  let counted = 0;
  const produce = async () => {
    while (performance.now() < until) {
      await queue.enqueue();
      jobs += 1;
      const now = performance.now();
      if (now >= from && now < until) counted += 1;
    }
  };
  await Promise.all(Array.from({ length: PRODUCERS }, produce));
  return { counted: { jobs: counted, seconds }, jobs, began };
}

function waitFor(count) {
  if (seen >= count) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const timer = setInterval(() => {
      if (seen === last) reject(new Error(`${seen} of ${count} jobs have run, and nothing happens`));
      last = seen;
    }, PATIENCE_MS);
    let last = -1;
    waits = { count, resolve: () => (clearInterval(timer), resolve()) };
  });
}

const since = (began) => (performance.now() - began) / 1_000;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
