/** The client against the real server. */

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { Client, isFinished, type Job, RefusedError } from "../src/index.js";
import { needsProgram, Program } from "./program.js";

describe("the program", needsProgram, () => {
  let program: Program;
  let client: Client;

  before(async () => {
    program = await Program.start(["--threads", "4"]);
    client = new Client(program.url);
  });
  after(() => program.close());

  test("a job from its acceptance to its result", async () => {
    const payload = { durationMs: 500, steps: 5 };
    const accepted = await client.enqueue("sleep", payload, { priority: "high", tags: ["a"] });
    assert.deepEqual([accepted.status, accepted.priority], ["queued", "high"]);
    const seen: number[] = [];
    const onProgress = (job: Job): number => seen.push(job.progress);
    const job = await client.wait(accepted.jobId, { onProgress, timeoutMs: 60_000 });
    assert.deepEqual([job.status, job.progress, job.tags], ["completed", 100, ["a"]]);
    assert.ok(seen.length > 2, `${seen}`);
    assert.deepEqual(
      seen,
      seen.toSorted((a, b) => a - b),
    );
    for (const result of [await client.result(job), await client.result(job.jobId)]) {
      assert.equal(result.contentType, "application/json");
      assert.deepEqual(result.json(), { ...payload, attempt: 1 });
    }
  });

  test("a job is watched to its end", async () => {
    const { jobId } = await client.enqueue("sleep", { durationMs: 500, steps: 5 });
    const seen: Job[] = [];
    for await (const job of client.watch(jobId)) seen.push(job);
    assert.equal(seen.at(-1)?.status, "completed");
    assert.ok(seen.length > 2);
    assert.equal(seen.filter(isFinished).length, 1);
  });

  test("a cancelled job never completes and may be retried", async () => {
    const { jobId } = await client.enqueue("sleep", { durationMs: 60_000 });
    await client.cancel(jobId);
    assert.equal((await client.wait(jobId, { timeoutMs: 60_000 })).status, "cancelled");
    await assert.rejects(
      client.cancel(jobId),
      (error) => error instanceof RefusedError && error.code === "already_finished",
    );
    assert.match((await client.retry(jobId)).status, /queued|started/);
    await client.cancel(jobId);
  });

  test("all terms are understood", async () => {
    const terms = {
      userId: "ann",
      timeoutSeconds: 60,
      retryPolicy: { maxRetries: 1, retryDelay: 1, exponentialBackoff: false, maxDelay: 1_000, jitter: 0 },
      uniqueKey: "one",
      uniqueFor: "active",
      concurrencyKey: "few",
      concurrencyLimit: 2,
      estimatedDuration: "a moment",
      expiresAt: new Date(Date.now() + 600_000),
    } as const;
    const { jobId } = await client.enqueue("sleep", { durationMs: 1, failTimes: 9 }, terms);
    const job = await client.wait(jobId, { timeoutMs: 60_000 });
    assert.deepEqual([job.status, job.attempt, job.maxAttempts, job.userId], ["failed", 2, 2, "ann"]);
    assert.ok(job.error);
  });

  test("one idempotency key is one job, and lists are whole", async () => {
    const accepted = new Set<string>();
    for (const key of ["a", "a", "b", "c", "d", "e"]) {
      accepted.add((await client.enqueue("noop", {}, { idempotencyKey: key, tags: ["list"] })).jobId);
    }
    assert.equal(accepted.size, 5);
    const found = new Set<string>();
    for await (const job of client.jobs({ tag: "list", pageSize: 2 })) found.add(job.jobId);
    assert.deepEqual(found, accepted);
  });

  test("refusals", async () => {
    const refused = (status: number, code: string) => (error: unknown) => {
      return error instanceof RefusedError && error.status === status && error.code === code;
    };
    await assert.rejects(client.get("01a20ced-25ed-77e7-a4ab-2cd3ee1b0929"), refused(404, "not_found"));
    await assert.rejects(client.enqueue("sleep", { durationMs: -1 }), refused(400, "invalid_request"));
    await assert.rejects(client.enqueue("nobody_does_this", {}), refused(422, "unknown_processor"));
  });

  test("a job is followed across a killed server", async () => {
    const { jobId } = await client.enqueue("sleep", { durationMs: 1_000, steps: 10 });
    let begin = (): void => {};
    const begun = new Promise<void>((resolve) => (begin = resolve));
    const watched = (async () => {
      let last: Job | undefined;
      for await (const job of client.watch(jobId)) {
        last = job;
        if (job.progress > 0) begin();
      }
      return last;
    })();
    const waited = client.wait(jobId, { onProgress: () => {} });
    await begun;
    await program.kill();
    await program.start();
    assert.deepEqual([(await watched)?.status, (await waited).status], ["completed", "completed"]);
  });
});

test("who has the key is answered and nobody else", needsProgram, async () => {
  const key = "a-key-for-the-tests-of-the-clients-0123456789";
  const program = await Program.start([], { FAENA_ADMIN_KEY: key });
  try {
    const client = new Client(program.url, { key });
    const { jobId } = await client.enqueue("noop", {});
    const job = await client.wait(jobId, { timeoutMs: 60_000 });
    assert.equal(job.status, "completed");
    for (const wrong of [{}, { key: "another" }]) {
      const refused = await new Client(program.url, wrong).get(jobId).catch((error: unknown) => error);
      assert.ok(refused instanceof RefusedError && refused.status === 401 && refused.code === "unauthorized", `${refused}`);
    }
  } finally {
    await program.close();
  }
});
