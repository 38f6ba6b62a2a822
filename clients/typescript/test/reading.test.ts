/** What is read and computed without a network. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Backoff, PAUSE_MAX_MS } from "../src/backoff.js";
import { EventParser } from "../src/events.js";
import { Client, RefusedError, Result, UnreachableError } from "../src/index.js";

test("events are found wherever the stream is cut", () => {
  const bytes = new TextEncoder().encode(
    ': hello\n\nid: 7\r\nevent: job\r\ndata: {"a":\r\ndata: 1}\r\n\r\ndata: é\n\nevent: empty\n\n',
  );
  for (let size = 1; size <= bytes.length; size += 1) {
    const parser = new EventParser();
    const events = [];
    for (let at = 0; at < bytes.length; at += size) events.push(...parser.feed(bytes.subarray(at, at + size)));
    assert.deepEqual(events, [
      { name: "job", data: '{"a":\n1}', id: "7" },
      { name: "message", data: "é", id: "7" },
    ]);
  }
});

test("data URLs are decoded", () => {
  assert.deepEqual(Result.fromDataUrl("data:application/json;base64,eyJhIjoxfQ==").json(), { a: 1 });
  const plain = Result.fromDataUrl("data:,a%20%ff");
  assert.deepEqual([...plain.content], [97, 32, 255]);
  assert.equal(plain.contentType, "text/plain;charset=US-ASCII");
  assert.equal(new Result(new Uint8Array([0xe9]), "text/plain; charset=iso-8859-1").text(), "é");
  assert.throws(() => Result.fromDataUrl("http://somewhere"), TypeError);
});

test("what is no address is refused", () => {
  for (const wrong of ["localhost:7700", "ftp://h", "", "http://h?x=1"])
    assert.throws(() => new Client(wrong), TypeError);
});

test("pauses double up to a bound and are jittered", () => {
  for (const [chance, factor] of [
    [1, 1],
    [0, 0.5],
  ] as const) {
    const backoff = new Backoff(
      Infinity,
      () => 0,
      () => chance,
    );
    const pauses = Array.from({ length: 40 }, () => backoff.pause(new UnreachableError("away")));
    assert.deepEqual(pauses.slice(0, 3), [100 * factor, 200 * factor, 400 * factor]);
    assert.equal(pauses.at(-1), PAUSE_MAX_MS * factor);
  }
});

test("patience ends, and begins anew with an answer", () => {
  let now = 0;
  const backoff = new Backoff(
    1_000,
    () => now,
    () => 1,
  );
  assert.equal(backoff.pause(new UnreachableError("away")), 100);
  now = 1_000;
  assert.equal(backoff.pause(new UnreachableError("away")), undefined);
  backoff.reset();
  assert.equal(backoff.pause(new UnreachableError("away")), 100);
});

test("Retry-After is waited for, and what will not pass is not tried again", () => {
  const refused = (status: number): RefusedError => new RefusedError(status, "no", "no", [], undefined, 3);
  const backoff = (patience: number): Backoff =>
    new Backoff(
      patience,
      () => 0,
      () => 1,
    );
  assert.equal(backoff(10_000).pause(refused(503)), 3_100);
  assert.equal(backoff(2_000).pause(refused(429)), undefined);
  assert.equal(backoff(10_000).pause(refused(400)), undefined);
});
