/** The loop of a worker against a queue that does as it is told. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { type TestContext, test } from "node:test";

import { Failure, JobStoppedError, RefusedError, Result, Worker, type WorkerOptions } from "../src/index.js";
import { FakeServer, refusal } from "./fake.js";
import { FakeQueue } from "./queue.js";

interface Terms extends WorkerOptions {
  readonly leaseSeconds?: number;
  readonly heartbeatSeconds?: number;
}

/** A queue, and a worker of it that stops when the test ends. `end` waits for that. */
async function start(
  t: TestContext,
  prepare: (worker: Worker, queue: FakeQueue) => void,
  { leaseSeconds = 30, heartbeatSeconds = 10, ...options }: Terms = {},
): Promise<{ queue: FakeQueue; worker: Worker; running: Promise<void> }> {
  const queue = await FakeQueue.start({ leaseSeconds, heartbeatSeconds });
  const worker = new Worker(queue.url, { name: "test", signals: false, ...options });
  prepare(worker, queue);
  const running = worker.run();
  t.after(async () => {
    worker.stop();
    await running;
    await queue.close();
  });
  return { queue, worker, running };
}

test("a job is run and everything it says arrives", async (t) => {
  const { queue, worker, running } = await start(t, (worker) => {
    worker.processor<{ to: number }>("count", (task) => {
      assert.deepEqual([task.payload, task.state, task.attempt], [{ to: 3 }, { at: 1 }, 1]);
      task.progress(50, "half");
      task.log("one", "two");
      task.save({ at: 2 });
      return { counted: task.payload.to };
    });
  });
  const token = queue.put("count", { to: 3 }, { state: { at: 1 } });
  assert.deepEqual((await queue.report("complete"))["result"], { counted: 3 });
  assert.deepEqual((await queue.report("progress"))["message"], "half");
  assert.deepEqual((await queue.report("log"))["lines"], ["one", "two"]);
  assert.deepEqual((await queue.report("state"))["state"], { at: 2 });
  assert.equal(queue.kinds(token).at(-1), "complete");
  assert.deepEqual(queue.registered, { name: "test", subTypes: ["count"], concurrency: 1 });
  worker.stop();
  await running;
  assert.ok(queue.left);
});

test("as many at once as it says", async (t) => {
  let here = 0;
  let most = 0;
  let release = (): void => {};
  const together = new Promise<void>((resolve) => (release = resolve));
  const prepare = (worker: Worker): void => {
    worker.processor("meet", async () => {
      here += 1;
      most = Math.max(most, here);
      if (here === 3) release();
      await together;
      here -= 1;
    });
  };
  const { queue } = await start(t, prepare, { concurrency: 3 });
  const tokens = Array.from({ length: 6 }, () => queue.put("meet"));
  for (const token of tokens) await queue.report("complete", token);
  assert.equal(most, 3);
});

test("failures say what happened", async (t) => {
  const { queue } = await start(t, (worker) => {
    worker.processor<{ how: string }>("fail", (task) => {
      if (task.payload.how === "mine") throw new Failure("no such user", { kind: "unknown_user", retryable: false });
      throw new RangeError("too many");
    });
  });
  const [mine, other] = [queue.put("fail", { how: "mine" }), queue.put("fail", { how: "other" })];
  const { stackTrace, ...error } = (await queue.report("fail", mine))["error"] as Record<string, unknown>;
  assert.deepEqual(error, { message: "no such user", kind: "unknown_user", retryable: false });
  assert.match(String(stackTrace), /worker\.test/);
  const { stackTrace: _, ...another } = (await queue.report("fail", other))["error"] as Record<string, unknown>;
  assert.deepEqual(another, { message: "RangeError: too many", kind: "error", retryable: true });
});

test("large results and those that are no JSON are uploaded", async (t) => {
  const { queue } = await start(t, (worker) => {
    worker.processor("large", () => "x".repeat(300_000));
    worker.processor("csv", () => new Result(new TextEncoder().encode("a,b\n"), "text/csv"));
  });
  const [large, csv] = [queue.put("large"), queue.put("csv")];
  assert.ok(!("result" in (await queue.report("complete", large))));
  assert.deepEqual(queue.uploads.get(large), { type: "application/json", text: `"${"x".repeat(300_000)}"` });
  await queue.report("complete", csv);
  assert.deepEqual(queue.uploads.get(csv), { type: "text/csv", text: "a,b\n" });
});

test("a quiet job is kept alive", async (t) => {
  let finish = (): void => {};
  const done = new Promise<void>((resolve) => (finish = resolve));
  const { queue } = await start(t, (worker) => worker.processor("quiet", () => done), { heartbeatSeconds: 0.05 });
  queue.put("quiet");
  await queue.report("heartbeat");
  finish();
  await queue.report("complete");
});

test("reports that do not arrive are said again", async (t) => {
  const { queue } = await start(t, (worker, queue) => {
    queue.away = 2;
    worker.processor("count", (task) => {
      task.log("a line");
      task.save(1);
      return 7;
    });
  });
  const token = queue.put("count");
  assert.equal((await queue.report("complete"))["result"], 7);
  assert.deepEqual(queue.kinds(token), ["state", "log", "complete"]);
});

test("a report that is refused does not take others along", async (t) => {
  const prepare = (worker: Worker, queue: FakeQueue): void => {
    queue.refuse.set("complete", refusal(413, "body_too_large"));
    queue.refuse.set("state", refusal(400, "invalid_request"));
    worker.processor("save", (task) => {
      task.save("too much");
      task.log("a line");
      return 1;
    });
  };
  const { queue } = await start(t, prepare, { concurrency: 2 });
  for (const token of [queue.put("save"), queue.put("save")]) {
    assert.equal(((await queue.report("fail", token))["error"] as { kind: string }).kind, "invalid_result");
    assert.deepEqual((await queue.report("log", token))["lines"], ["a line"]);
  }
});

test("what cannot be sent fails its own job alone", async (t) => {
  const { queue } = await start(t, (worker) => {
    worker.processor<string>("odd", (task) => {
      if (task.payload === "state") task.save({ a: 1n });
      if (task.payload === "progress") task.progress(Number.NaN);
      return task.payload === "result" ? { a: () => {}, b: 1n } : undefined;
    });
  });
  const tokens = ["state", "progress", "result"].map((how) => queue.put("odd", how));
  await queue.report("complete", queue.put("odd", "nothing"));
  for (const token of tokens) assert.deepEqual(queue.kinds(token), ["fail"]);
});

test("a failure that is refused is said more plainly, and trouble of the server is got over", async (t) => {
  const { queue } = await start(t, (worker, queue) => {
    queue.refuseOnce.set("fail", refusal(400, "invalid_request"));
    queue.refuseOnce.set("complete", refusal(500, "internal"));
    worker.processor("noop", () => {});
    worker.processor("fail", () => {
      throw new Error("no");
    });
  });
  queue.put("fail");
  const { message } = (await queue.report("fail"))["error"] as { message: string };
  assert.equal(message, "the failure was refused: not like this");
  await queue.report("complete", queue.put("noop"));
});

test("a forgotten worker comes back", async (t) => {
  const { queue } = await start(t, (worker) => worker.processor("noop", () => {}));
  queue.put("noop");
  await queue.report("complete");
  queue.forget();
  await queue.report("complete", queue.put("noop"));
  assert.equal(queue.known, "worker-2");
});

for (const [answer, last] of [
  ["cancelled", "release"],
  ["stale", "heartbeat"],
] as const) {
  test(`a job whose report is answered \`${answer}\` stops`, async (t) => {
    let told = (_: unknown): void => {};
    const reason = new Promise((resolve) => (told = resolve));
    const prepare = (worker: Worker, queue: FakeQueue): void => {
      worker.processor("next", () => {});
      worker.processor("long", async (task) => {
        queue.answers.set(task.leaseToken, answer);
        await new Promise<void>((resolve) => task.signal.addEventListener("abort", () => resolve()));
        told(task.signal.reason);
        task.check();
      });
    };
    const { queue } = await start(t, prepare, { heartbeatSeconds: 0.05 });
    const token = queue.put("long");
    const stop = await reason;
    assert.ok(stop instanceof JobStoppedError);
    assert.equal(stop.reason, answer);
    await queue.report("complete", queue.put("next"));
    assert.equal(queue.kinds(token).at(-1), last);
  });
}

test("a worker that is not heard stops before its lease ends", async (t) => {
  let told = (_: unknown): void => {};
  const reason = new Promise((resolve) => (told = resolve));
  const prepare = (worker: Worker, queue: FakeQueue): void => {
    queue.away = 1_000_000;
    worker.processor("long", async (task) => {
      await new Promise<void>((resolve) => task.signal.addEventListener("abort", () => resolve()));
      told(task.stopReason);
    });
  };
  const { queue } = await start(t, prepare, { leaseSeconds: 1.5, heartbeatSeconds: 0.2 });
  queue.put("long");
  assert.equal(await reason, "stale");
});

test("what runs may finish when the worker stops", async (t) => {
  let begin = (): void => {};
  let finish = (): void => {};
  const begun = new Promise<void>((resolve) => (begin = resolve));
  const done = new Promise<void>((resolve) => (finish = resolve));
  const { queue, worker, running } = await start(t, (worker) => {
    worker.processor("long", async () => {
      begin();
      await done;
      return "done";
    });
  });
  const token = queue.put("long");
  await begun;
  worker.stop();
  finish();
  await running;
  assert.deepEqual(queue.kinds(token), ["complete"]);
});

test("after the grace time jobs go back with what they saved", async (t) => {
  const prepare = (worker: Worker, queue: FakeQueue): void => {
    worker.processor("long", async (task) => {
      task.save({ done: 3 });
      await queue.report("state");
      worker.stop();
      await new Promise<void>((_, reject) => task.signal.addEventListener("abort", () => reject(task.signal.reason)));
    });
  };
  const { queue, running } = await start(t, prepare, { graceMs: 0 });
  const token = queue.put("long");
  await running;
  assert.deepEqual(queue.kinds(token), ["state", "release"]);
  assert.ok(queue.left);
});

test("a worker whose key is refused says so", async (t) => {
  const fake = await FakeServer.start(() => refusal(403, "forbidden"));
  t.after(() => fake.close());
  const worker = new Worker(fake.url, { signals: false }).processor("noop", () => {});
  await assert.rejects(worker.run(), (error) => error instanceof RefusedError && error.status === 403);
});

test("SIGTERM lets it finish, and the process ends", async (t) => {
  const queue = await FakeQueue.start();
  t.after(() => queue.close());
  const script = `
    import { once } from "node:events";
    const { Worker } = await import(process.argv[1]);
    const worker = new Worker(process.argv[2], { name: "test" });
    worker.processor("line", async (task) => {
      task.log("begun");
      const [line] = await once(process.stdin, "data");
      process.stdin.pause();
      return String(line);
    });
    await worker.run();
    console.log("left");`;
  const index = new URL("../src/index.js", import.meta.url).href;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script, index, queue.url]);
  t.after(() => child.kill("SIGKILL"));
  let output = "";
  child.stdout.on("data", (piece) => (output += String(piece)));
  child.stderr.on("data", (piece) => (output += String(piece)));
  const token = queue.put("line");
  await queue.report("log");
  child.kill("SIGTERM");
  child.stdin.write("goodbye");
  const [code] = (await once(child, "close")) as [number | null];
  assert.deepEqual([code, output], [0, "left\n"]);
  assert.equal((await queue.report("complete", token))["result"], "goodbye");
  assert.ok(queue.left);
});
