/** The example worker, as whoever tries it would run it, and killed while it works. */

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";

import { Client, type Job } from "../src/index.js";
import { needsPostgres, needsProgram, onPostgres, Program } from "./program.js";

const PACKAGE = fileURLToPath(new URL("../..", import.meta.url));
const EXAMPLE = join(PACKAGE, "..", "..", "examples", "workers", "worker.ts");
const CHUNK = 100;
const timeoutMs = 60_000;
/** Each chunk is a request and a commit: there is time to interfere. Chunks end within words. */
const TEXT = "one two three, four\n".repeat(20 * CHUNK);
const WORDS = 4 * 20 * CHUNK;

describe("the example worker", needsProgram, () => {
  let compiled: string;

  before(async () => {
    compiled = await mkdtemp(join(tmpdir(), "faena-example-"));
    await writeFile(join(compiled, "package.json"), '{"type": "module"}');
    const tsc = join(PACKAGE, "node_modules", "typescript", "bin", "tsc");
    const types = ["--types", "node", "--typeRoots", join(PACKAGE, "node_modules", "@types")];
    const how = ["--strict", "--target", "es2022", "--module", "esnext", "--moduleResolution", "bundler", ...types];
    const child = spawn(process.execPath, [tsc, ...how, "--outDir", compiled, EXAMPLE], { stdio: "inherit" });
    const [code] = (await once(child, "exit")) as [number | null];
    assert.equal(code, 0, "it does not compile");
  });
  after(() => rm(compiled, { recursive: true }));

  /** A server, a folder with a text, and the means to run workers on it. With more of its arguments there are two, which the
      worker and its clients do not share. */
  async function start(t: TestContext, shared: readonly string[] = []) {
    const serve = () => Program.start(["--threads", "2", ...shared], { FAENA_LEASE: "2s" });
    const program = await serve();
    const desk = shared.length > 0 ? await serve() : program;
    const folder = await mkdtemp(join(tmpdir(), "faena-texts-"));
    const file = join(folder, "text");
    await writeFile(file, TEXT);
    const children: ChildProcess[] = [];
    t.after(async () => {
      for (const child of children) child.kill("SIGKILL");
      for (const each of new Set([program, desk])) await each.close();
      await rm(folder, { recursive: true });
    });
    const client = new Client(desk.url);

    /** Starts the worker, and waits until it is registered. */
    const worker = async (): Promise<ChildProcess> => {
      const child = spawn(process.execPath, [join(compiled, "worker.js"), program.url, folder]);
      children.push(child);
      child.stderr.pipe(process.stderr);
      const [line] = (await once(child.stdout, "data")) as [Buffer];
      assert.match(String(line), /^registered /);
      return child;
    };
    /** A job that has come some way. */
    const begun = async (): Promise<string> => {
      const { jobId } = await client.enqueue("count_words", { file: "text", chunkBytes: CHUNK });
      for await (const job of client.watch(jobId)) if (job.progress >= 5) return jobId;
      throw new Error("it ended too early");
    };
    /** It completes with the words of the text as it was. */
    const check = async (jobId: string): Promise<Job> => {
      const job = await client.wait(jobId, { timeoutMs });
      assert.deepEqual([job.status, job.error], ["completed", null]);
      assert.deepEqual((await client.result(job)).json(), { file: "text", bytes: TEXT.length, words: WORDS });
      return job;
    };
    /** Whoever reads the text from its start from now on counts fewer words. */
    const spoilWhatWasRead = async (): Promise<void> => {
      const handle = await open(file, "r+");
      await handle.write("-".repeat(CHUNK), 0);
      await handle.close();
    };
    return { program, client, worker, begun, check, spoilWhatWasRead };
  }

  test("it works, and refuses what is none of its business", async (t) => {
    const { client, worker, begun, check } = await start(t);
    await worker();
    await check(await begun());
    const { jobId } = await client.enqueue("count_words", { file: "../elsewhere" });
    const job = await client.wait(jobId, { timeoutMs });
    assert.deepEqual([job.status, job.attempt], ["failed", 1]);
  });

  for (const how of ["SIGTERM", "SIGKILL"] as const) {
    test(`another goes on where one was that got ${how}`, async (t) => {
      const { worker, begun, check, spoilWhatWasRead } = await start(t);
      const first = await worker();
      const jobId = await begun();
      first.kill(how);
      const [code] = (await once(first, "exit")) as [number | null];
      assert.equal(code, how === "SIGTERM" ? 0 : null);
      await spoilWhatWasRead();
      await worker();
      await check(jobId);
    });
  }

  test("it outlives its server", async (t) => {
    const { program, worker, begun, check, spoilWhatWasRead } = await start(t);
    await worker();
    const jobId = await begun();
    await program.kill();
    await spoilWhatWasRead();
    await program.start();
    assert.equal((await check(jobId)).attempt, 1);
  });

  describe("on PostgreSQL", needsPostgres, () => {
    test("another goes on where one was killed", async (t) => {
      const { worker, begun, check, spoilWhatWasRead } = await start(t, onPostgres());
      const first = await worker();
      const jobId = await begun();
      first.kill("SIGKILL");
      await spoilWhatWasRead();
      await worker();
      await check(jobId);
    });

    test("it outlives its server", async (t) => {
      const { program, worker, begun, check, spoilWhatWasRead } = await start(t, onPostgres());
      await worker();
      const jobId = await begun();
      await program.kill();
      await spoilWhatWasRead();
      await program.start();
      assert.equal((await check(jobId)).attempt, 1);
    });
  });

  test("it drops a cancelled job and takes the next", async (t) => {
    const { client, worker, begun, check } = await start(t);
    await worker();
    const jobId = await begun();
    await client.cancel(jobId);
    assert.equal((await client.wait(jobId, { timeoutMs })).status, "cancelled");
    await check(await begun());
  });

  test("it is as short as it says", async () => {
    const text = await readFile(EXAMPLE, "utf8");
    assert.ok(text.split("\n").length < 130);
    assert.doesNotMatch(text, /from "(?!node:)/);
  });
});
