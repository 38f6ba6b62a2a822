/**
 * How little a worker needs: counts the words of large texts, in plain TypeScript, against the HTTP API alone.
 *
 *     node examples/workers/worker.ts http://127.0.0.1:7700 FOLDER        (Node 22.18 or newer; older ones need tsc)
 *     curl localhost:7700/jobs -H 'Content-Type: application/json' \
 *          -d '{"subType": "count_words", "payload": {"file": "name-below-FOLDER"}}'
 *
 * After each chunk it saves how far it is: whoever gets the job after a crash goes on from there. The package in
 * clients/typescript has the same loop with several jobs at once; this one shows what happens in it.
 */

import { open } from "node:fs/promises";
import { resolve, sep } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

type State = { offset: number; words: number; inWord: boolean };
type Payload = { file: string; chunkBytes?: number };
type Job = { leaseToken: string; payload: Payload; state: State | null };
type Report = (...reports: object[]) => Promise<void>;

const [url = "", folderName = ""] = process.argv.slice(2);
const folder = resolve(folderName) + sep;
let stopping = false;

/** The job is not ours any more, or we have to go. */
class Stopped extends Error {}

/** The server refused a call. */
class Refused extends Error {
  status: number;
  constructor(status: number, text: string) {
    super(`${status}: ${text}`);
    this.status = status;
  }
}

/** One call. A server that is away or cannot take it now is asked again. */
async function call(method: string, path: string, body?: object): Promise<any> {
  const headers = { "Content-Type": "application/json" };
  for (;;) {
    try {
      const signal = AbortSignal.timeout(60_000);
      const answer = await fetch(url + path, { method, headers, body: body ? JSON.stringify(body) : null, signal });
      const text = await answer.text();
      if (answer.ok) return text && JSON.parse(text).data;
      if (answer.status !== 429 && answer.status !== 503) throw new Refused(answer.status, text);
    } catch (error) {
      if (error instanceof Refused) throw error; // anything else: nobody there, or an answer that broke off
    }
    await sleep(200);
  }
}

async function register(): Promise<string> {
  const terms = { name: "words", subTypes: ["count_words"], concurrency: 1 };
  const { workerId } = await call("POST", "/workers", terms);
  console.log("registered", workerId);
  return workerId;
}

/** Does one job, and says how it ended. */
async function work(worker: string, job: Job): Promise<void> {
  const report: Report = async (...reports) => {
    const body = { reports: reports.map((each) => ({ leaseToken: job.leaseToken, ...each })) };
    const answers: { answer: string }[] = await call("POST", `/workers/${worker}/reports`, body);
    // Otherwise it was cancelled, or our lease is lost and another worker has it.
    if (!answers.every(({ answer }) => answer === "accepted")) throw new Stopped();
  };
  try {
    const result = await countWords(job.payload, job.state ?? { offset: 0, words: 0, inWord: false }, report);
    await report({ kind: "complete", result });
  } catch (error) {
    // What the system says may pass; what is wrong with the payload will not.
    const retryable = error instanceof Error && "code" in error;
    const fail = { kind: "fail", error: { message: String(error), retryable } };
    const last = error instanceof Stopped ? { kind: "release" } : fail;
    // When the lease is lost, nobody wants to hear the last word.
    await report(last).catch(() => {});
  }
}

/** Counts from where an earlier try has left off. Every report is a sign of life, too. */
async function countWords({ file, chunkBytes = 1 << 20 }: Payload, state: State, report: Report): Promise<object> {
  const path = resolve(folder, file);
  if (!path.startsWith(folder)) throw new RangeError("the file has to be below the worker's folder");
  const handle = await open(path);
  try {
    const { size } = await handle.stat();
    const chunk = Buffer.alloc(chunkBytes);
    for (;;) {
      const { bytesRead } = await handle.read(chunk, 0, chunkBytes, state.offset);
      if (bytesRead === 0) return { file, bytes: state.offset, words: state.words };
      let { words, inWord } = state;
      for (const byte of chunk.subarray(0, bytesRead)) {
        const isBlank = byte <= 32; // of a word in UTF-8 all bytes are above
        if (!isBlank && !inWord) words += 1;
        inWord = !isBlank;
      }
      state = { offset: state.offset + bytesRead, words, inWord };
      const progress = Math.min(100, (100 * state.offset) / size);
      await report({ kind: "state", state }, { kind: "progress", progress, message: `${words} words` });
      if (stopping) throw new Stopped();
    }
  } finally {
    await handle.close();
  }
}

async function main(): Promise<void> {
  let worker = await register();
  while (!stopping) {
    try {
      const jobs: Job[] = await call("POST", `/workers/${worker}/lease`, { max: 1, waitSeconds: 2 });
      for (const job of jobs) await work(worker, job);
    } catch (error) {
      if (!(error instanceof Refused) || error.status !== 404) throw error;
      worker = await register(); // we were silent for so long that we are forgotten
    }
  }
  await call("DELETE", `/workers/${worker}`);
}

for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => (stopping = true));
await main();
