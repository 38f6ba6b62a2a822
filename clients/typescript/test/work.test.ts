/** Workers against the real server: what they say arrives, and what kills them costs nothing but time. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { afterEach, beforeEach, describe, test, type TestContext } from "node:test";

import {
  Client,
  Failure,
  isFinished,
  type Job,
  JobStoppedError,
  RefusedError,
  Result,
  Worker,
  type WorkerOptions,
} from "../src/index.js";
import { needsProgram, Program } from "./program.js";

/** After so long something will not come any more. */
const timeoutMs = 60_000;

/** Something to wait for, and the means to make it come true. */
function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}

describe("workers of the program", needsProgram, () => {
  let program: Program;
  let client: Client;

  beforeEach(async () => {
    // A short lease: a lost worker is noticed soon.
    program = await Program.start(["--threads", "2"], { FAENA_LEASE: "2s" });
    client = new Client(program.url);
  });
  afterEach(() => program.close());

  /** Starts a worker, and waits until the server knows what it does. It stops with the test. */
  async function start(
    t: TestContext,
    prepare: (worker: Worker) => void,
    options: WorkerOptions = {},
  ): Promise<Worker> {
    const worker = new Worker(program.url, { name: "test", signals: false, ...options });
    prepare(worker);
    const running = worker.run();
    t.after(async () => {
      worker.stop();
      await running;
    });
    await worker.registered;
    return worker;
  }

  test("what a processor says is seen", async (t) => {
    const seen = gate();
    await start(t, (worker) => {
      worker.processor<{ text: string }>("count_words", async (task) => {
        task.progress(50, "half of it");
        task.log("a line");
        await seen.opened;
        return { words: task.payload.text.split(" ").length };
      });
    });
    const { jobId } = await client.enqueue("count_words", { text: "so much for that" });
    const onProgress = (job: Job): void => {
      if (job.message !== "half of it" || isFinished(job)) return;
      assert.deepEqual([job.status, job.progress, job.machineName], ["progress", 50, "test"]);
      seen.open();
    };
    const job = await client.wait(jobId, { onProgress, timeoutMs });
    assert.deepEqual([job.status, job.progress, job.attempt], ["completed", 100, 1]);
    assert.deepEqual((await client.result(job)).json(), { words: 4 });
  });

  test("results of all kinds arrive byte for byte", async (t) => {
    const content = Uint8Array.from({ length: 2_000_000 }, (_, at) => at % 256);
    const prepare = (worker: Worker): void => {
      worker.processor("bytes", () => new Result(content, "image/png"));
      worker.processor("text", () => "é".repeat(300_000));
      worker.processor("nothing", () => {});
    };
    await start(t, prepare, { concurrency: 2 });
    const ended = [];
    for (const subType of ["bytes", "text", "nothing"]) {
      ended.push(await client.wait((await client.enqueue(subType, {})).jobId, { timeoutMs }));
    }
    assert.deepEqual(
      ended.map((job) => job.status),
      Array(3).fill("completed"),
    );
    const [bytes, text, nothing] = ended.map((job) => job.jobId) as [string, string, string];
    assert.deepEqual(await client.result(bytes), new Result(content, "image/png"));
    assert.equal((await client.result(text)).json(), "é".repeat(300_000));
    await assert.rejects(client.result(nothing), (error) => error instanceof RefusedError && error.status === 404);
  });

  test("a failed try leaves its state to the next", async (t) => {
    await start(t, (worker) => {
      worker.processor<{ then: string }>("climb", (task) => {
        if (task.state === null) {
          task.save({ step: task.attempt });
          throw new Error("the far end is away");
        }
        if (task.payload.then === "fail") throw new Failure("no such hill", { kind: "unknown_hill", retryable: false });
        return task.state;
      });
    });
    const retryPolicy = { maxRetries: 3, retryDelay: 1, jitter: 0 };
    const wait = async (then: string): Promise<Job> => {
      return client.wait((await client.enqueue("climb", { then }, { retryPolicy })).jobId, { timeoutMs });
    };
    const completed = await wait("go on");
    assert.deepEqual([completed.status, completed.attempt], ["completed", 2]);
    assert.deepEqual((await client.result(completed)).json(), { step: 1 });
    const failed = await wait("fail");
    assert.deepEqual([failed.status, failed.attempt, failed.error?.kind], ["failed", 2, "unknown_hill"]);
  });

  test("a cancelled job stops", async (t) => {
    const begun = gate();
    let reason: unknown;
    await start(t, (worker) => {
      worker.processor("long", async (task) => {
        begun.open();
        await once(task.signal, "abort");
        reason = task.signal.reason;
        throw reason;
      });
    });
    const { jobId } = await client.enqueue("long", {});
    await begun.opened;
    await client.cancel(jobId);
    assert.equal((await client.wait(jobId, { timeoutMs })).status, "cancelled");
    assert.ok(reason instanceof JobStoppedError && reason.reason === "cancelled");
  });

  for (const how of ["SIGTERM", "SIGKILL"] as const) {
    test(`another goes on where a worker was that got ${how}`, async (t) => {
      const script = `
        const { Worker } = await import(process.argv[1]);
        const worker = new Worker(process.argv[2], { name: "first", graceMs: 0 });
        worker.processor("walk", async (task) => {
          task.save({ at: 7 });
          task.progress(7, "saved");
          await new Promise((_, reject) => task.signal.addEventListener("abort", () => reject(task.signal.reason)));
        });
        worker.registered.then(() => console.log("registered"));
        await worker.run();`;
      const index = new URL("../src/index.js", import.meta.url).href;
      const first = spawn(process.execPath, ["--input-type=module", "-e", script, index, program.url]);
      t.after(() => first.kill("SIGKILL"));
      await once(first.stdout, "data");
      const { jobId } = await client.enqueue("walk", {});
      for await (const job of client.watch(jobId)) if (job.message === "saved") break;
      first.kill(how);
      const [code] = (await once(first, "exit")) as [number | null];
      assert.equal(code, how === "SIGTERM" ? 0 : null);
      await start(t, (worker) => worker.processor("walk", (task) => task.state));
      const job = await client.wait(jobId, { timeoutMs });
      assert.deepEqual((await client.result(job)).json(), { at: 7 });
    });
  }

  test("a killed server takes nothing from its workers", async (t) => {
    const begun = gate();
    const restarted = gate();
    await start(t, (worker) => {
      worker.processor("walk", async (task) => {
        begun.open();
        await restarted.opened;
        task.check();
        return task.fencingToken;
      });
    });
    const { jobId } = await client.enqueue("walk", {});
    await begun.opened;
    await program.kill();
    await program.start();
    restarted.open();
    const job = await client.wait(jobId, { timeoutMs });
    assert.deepEqual([job.status, job.attempt], ["completed", 1]);
    const again = await client.enqueue("walk", {});
    assert.equal((await client.wait(again.jobId, { timeoutMs })).status, "completed");
  });
});
