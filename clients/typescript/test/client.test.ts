/** The client against a server that does as it is told. */

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";

import {
  Client,
  type ClientOptions,
  type Job,
  RefusedError,
  UnexpectedAnswerError,
  UnreachableError,
  WaitTimeoutError,
} from "../src/index.js";
import { event, FakeServer, ID, job, oneByOne, refusal, type Reply, type Seen } from "./fake.js";

async function start(
  t: TestContext,
  answer: (seen: Seen) => Reply,
  options: ClientOptions = {},
): Promise<{ fake: FakeServer; client: Client }> {
  const fake = await FakeServer.start(answer);
  t.after(() => fake.close());
  return { fake, client: new Client(fake.url, options) };
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found = [];
  for await (const item of items) found.push(item);
  return found;
}

test("enqueue is repeated under its key until it is answered", async (t) => {
  const busy = refusal(503, "unavailable", { "Retry-After": "0" });
  const { fake, client } = await start(t, oneByOne("drop", busy, { status: 202, body: { data: job() } }), {
    key: "secret",
  });
  const runAt = new Date("2026-11-24T10:00:00+01:00");
  const accepted = await client.enqueue("sleep", { durationMs: 1 }, { priority: "high", runAt });
  assert.equal(accepted.jobId, ID);
  assert.equal(new Set(fake.seen.map((seen) => seen.headers["idempotency-key"])).size, 1);
  assert.deepEqual(
    fake.seen.map((seen) => seen.headers.authorization),
    Array(3).fill("Bearer secret"),
  );
  const expected = {
    subType: "sleep",
    payload: { durationMs: 1 },
    priority: "high",
    runAt: "2026-11-24T09:00:00.000Z",
  };
  assert.deepEqual(JSON.parse(String(fake.seen[2]?.body)), expected);
});

test("patience ends", async (t) => {
  const { fake, client } = await start(t, () => refusal(503, "unavailable", { "Retry-After": "60" }), {
    patienceMs: 1_000,
  });
  await assert.rejects(client.get(ID), (error) => error instanceof RefusedError && error.retryAfterSeconds === 60);
  assert.equal(fake.seen.length, 1);
});

test("what may not be repeated is sent once", async (t) => {
  const { fake, client } = await start(t, () => "drop");
  await assert.rejects(client.cancel(ID), UnreachableError);
  await assert.rejects(client.retry(ID), UnreachableError);
  assert.deepEqual(
    fake.seen.map((seen) => seen.method),
    ["DELETE", "POST"],
  );
});

test("a refusal says all it knows", async (t) => {
  const { client } = await start(t, oneByOne(refusal(409, "already_finished")));
  await assert.rejects(client.cancel(ID), (error) => {
    assert.ok(error instanceof RefusedError);
    assert.deepEqual(
      [error.status, error.code, error.requestId, error.name],
      [409, "already_finished", "r-1", "RefusedError"],
    );
    assert.deepEqual(error.details, [{ field: "payload", message: "is missing" }]);
    assert.match(error.message, /not like this \(409 already_finished; payload: is missing\)/);
    return true;
  });
});

test("a server that is not there", async () => {
  const fake = await FakeServer.start(() => ({}));
  await fake.close();
  await assert.rejects(new Client(fake.url, { patienceMs: 0 }).get(ID), UnreachableError);
});

test("a gateway without its server is no answer, and neither is another program", async (t) => {
  const { client } = await start(t, oneByOne({ status: 502, body: "<html>" }, { body: job() }, { body: "hello" }));
  assert.equal((await client.get(ID)).jobId, ID);
  await assert.rejects(client.get(ID), UnexpectedAnswerError);
});

test("an answer that breaks off is asked for again", async (t) => {
  async function* pieces(): AsyncGenerator<string> {
    yield '{"data": ';
    throw new Error("the server dies");
  }
  const { fake, client } = await start(t, oneByOne({ pieces: pieces() }, { body: job() }));
  assert.equal((await client.get(ID)).jobId, ID);
  assert.equal(fake.seen.length, 2);
});

test("a caller's signal ends a call that would be repeated", async (t) => {
  const gaveUp = new AbortController();
  const { client } = await start(t, () => {
    gaveUp.abort(new Error("enough"));
    return "drop";
  });
  await assert.rejects(client.get(ID, gaveUp.signal), /enough/);
});

test("waiting shows each change once", async (t) => {
  const { fake, client } = await start(
    t,
    oneByOne(
      { body: job("started"), headers: { ETag: '"1"' } },
      { status: 304, headers: { ETag: '"1"' } },
      { body: job("progress", 50), headers: { ETag: '"2"' } },
      { body: job("completed", 100), headers: { ETag: '"3"' } },
    ),
  );
  const seen: unknown[] = [];
  const ended = await client.wait(ID, { onProgress: (job) => seen.push([job.status, job.progress]) });
  assert.equal(ended.status, "completed");
  assert.deepEqual(seen, [
    ["started", 0],
    ["progress", 50],
    ["completed", 100],
  ]);
  assert.deepEqual(
    fake.seen.map((each) => each.headers["if-none-match"]),
    [undefined, '"1"', '"1"', '"2"'],
  );
  assert.equal(fake.seen[1]?.path, `/jobs/${ID}?wait=30`);
});

test("waiting without looking asks for the end, within a time limit", async (t) => {
  const { fake, client } = await start(t, oneByOne({ body: job("progress", 9) }, { body: job("failed", 9) }));
  assert.equal((await client.wait(ID)).status, "failed");
  assert.deepEqual(
    fake.seen.map((each) => each.headers["if-none-match"]),
    [undefined, undefined],
  );
  const { client: other } = await start(t, () => ({ body: job("progress", 9) }));
  await assert.rejects(
    other.wait(ID, { timeoutMs: 5 }),
    (error) => error instanceof WaitTimeoutError && error.job.progress === 9,
  );
});

test("a stream that breaks is taken up where it broke", async (t) => {
  const later = event("b", job("progress", 5));
  const { fake, client } = await start(
    t,
    oneByOne(
      { pieces: [": hello\n\n", event("a", job("started"))] },
      "drop",
      { pieces: [later.slice(0, 20), later.slice(20)] },
      { pieces: [event("c", job("completed", 100))] },
    ),
  );
  const seen = await all(client.watch(ID));
  assert.deepEqual(
    seen.map((each) => each.status),
    ["started", "progress", "completed"],
  );
  assert.deepEqual(
    fake.seen.map((each) => each.headers["last-event-id"]),
    [undefined, "a", "a", "b"],
  );
});

test("a stream without news is over, and one that is refused says why", async (t) => {
  const { client } = await start(t, oneByOne({ status: 204 }, refusal(404, "not_found")));
  assert.deepEqual(await all(client.watch(ID)), []);
  await assert.rejects(all(client.watch(ID)), (error) => error instanceof RefusedError && error.status === 404);
});

test("events arrive as they are sent", async (t) => {
  let firstSeen = (): void => {};
  const waiting = new Promise<void>((resolve) => (firstSeen = resolve));
  async function* pieces(): AsyncGenerator<string> {
    yield event("a", job("started"));
    await waiting;
    yield event("b", job("completed", 100));
  }
  const { client } = await start(t, oneByOne({ pieces: pieces() }));
  const statuses = [];
  for await (const each of client.watch(ID)) {
    statuses.push(each.status);
    firstSeen();
  }
  assert.deepEqual(statuses, ["started", "completed"]);
});

test("a list is followed to its end", async (t) => {
  const page = (jobs: number, nextCursor: string | null): Reply => {
    return { body: { data: Array(jobs).fill(job()), pagination: { hasMore: nextCursor !== null, nextCursor } } };
  };
  const { fake, client } = await start(t, oneByOne(page(2, "x y"), page(0, "z"), page(1, null)));
  const found = await all(client.jobs({ status: ["queued", "started"], subType: "sleep", pageSize: 2 }));
  assert.equal(found.length, 3);
  assert.equal(fake.seen[0]?.path, "/jobs?limit=2&status=queued%2Cstarted&subType=sleep");
  assert.ok(fake.seen[1]?.path.endsWith("&cursor=x+y"));
});

test("results, also from elsewhere, which is not told the key", async (t) => {
  const { fake: elsewhere } = await start(t, oneByOne({ body: "far", headers: { "Content-Type": "text/plain" } }));
  const csv = { body: "a,b\n", headers: { "Content-Type": "text/csv" } };
  const there = { status: 302, headers: { Location: `${elsewhere.url}/a?b=c` } };
  const { fake, client } = await start(t, oneByOne(csv, there), { key: "secret" });
  const carrying = job("completed", 100, { resultUrl: "data:text/plain,hi" }) as Job;
  assert.equal((await client.result(carrying)).text(), "hi");
  assert.equal(fake.seen.length, 0);
  const result = await client.result(ID);
  assert.deepEqual([result.text(), result.contentType], ["a,b\n", "text/csv"]);
  assert.equal((await client.result(ID)).text(), "far");
  assert.deepEqual([elsewhere.seen[0]?.path, elsewhere.seen[0]?.headers.authorization], ["/a?b=c", undefined]);
});
