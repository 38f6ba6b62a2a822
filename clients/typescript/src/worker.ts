/** A worker: it leases jobs from a server, runs them, and tells the server how they do. */

import { hostname } from "node:os";

import { Backoff, sleep } from "./backoff.js";
import { Failure, JobStoppedError, RefusedError } from "./errors.js";
import { Hold } from "./hold.js";
import { Result } from "./job.js";
import { Link, pauseBeforeNext, Stopping } from "./link.js";
import { type Report, type Saying, Task } from "./task.js";

/** Time between two requests with progress and log lines. The end of a job does not wait for it. */
const REPORT_EVERY_MS = 100;
/** Characters of JSON up to which a result travels in its report; a larger one is uploaded before it. */
const INLINE_MAX = 256 * 1_024;
/** Time that processors have to stop once the grace time is over. */
const STOPPING_MS = 2_000;

/** Does the jobs of one subtype. It answers with a JSON value, a `Result` or nothing; what it throws fails the job. */
export type Processor<Payload> = (task: Task<Payload>) => unknown;

/** How a worker works. */
export interface WorkerOptions {
  /** What it calls itself, to be shown; the name of the machine unless you say otherwise. */
  readonly name?: string;
  /** Jobs at once; 1 unless you say otherwise. */
  readonly concurrency?: number;
  /** The key to show, if the server asks for one. */
  readonly key?: string;
  /** How long running jobs may go on after `stop`; 30 s unless you say otherwise. */
  readonly graceMs?: number;
  /** Whether SIGTERM and SIGINT stop it; they do unless you say otherwise. */
  readonly signals?: boolean;
  /** Is told of trouble that the worker gets over by itself; nobody is unless you say otherwise. */
  readonly onWarning?: (message: string) => void;
}

/**
 * A worker of one server. Register processors with `processor`, then `run`.
 *
 * A processor may run again for the same job, after a crash or a lost lease. It shares one thread with the worker
 * itself: whatever computes for seconds belongs into a thread of its own, or the lease is lost meanwhile.
 */
export class Worker {
  readonly #processors = new Map<string, Processor<never>>();
  readonly #hold: Hold;
  readonly #hurry = new AbortController();
  readonly #baseUrl: string;
  readonly #options: WorkerOptions;
  #link: Link | undefined;
  #isRegistered = (): void => {};
  /** Fulfilled once the server knows the worker: jobs of its subtypes are accepted from then on. */
  readonly registered = new Promise<void>((resolve) => (this.#isRegistered = resolve));
  #trouble: unknown;

  constructor(baseUrl: string, options: WorkerOptions = {}) {
    this.#baseUrl = baseUrl;
    this.#options = options;
    this.#hold = new Hold(options.concurrency ?? 1);
  }

  /** Registers the function for jobs of this subtype. */
  processor<Payload = unknown>(subType: string, run: Processor<Payload>): this {
    this.#processors.set(subType, run);
    return this;
  }

  /**
   * Works until `stop` is called, or SIGTERM or SIGINT arrives. Jobs that run then may finish within the grace time; the
   * rest goes back to the queue, with what it saved. A server that is away is waited for. Call it once.
   */
  async run(): Promise<void> {
    if (this.#processors.size === 0) throw new TypeError("a worker without processors has nothing to do; add one");
    const { name = hostname(), concurrency = 1, key, signals = true, onWarning = () => {} } = this.#options;
    const registration = { name, subTypes: [...this.#processors.keys()].sort(), concurrency };
    const link = (this.#link = new Link(this.#baseUrl, key, registration, onWarning));
    const stop = (): void => this.stop();
    if (signals) for (const name of ["SIGTERM", "SIGINT"]) process.on(name, stop);
    try {
      await this.#work(link);
    } catch (error) {
      if (!(error instanceof Stopping)) throw error;
    } finally {
      this.#hold.close();
      await link.leave();
      if (signals) for (const name of ["SIGTERM", "SIGINT"]) process.off(name, stop);
    }
    if (this.#trouble !== undefined) throw this.#trouble;
  }

  /** Asks the worker to stop; asked twice, it does not wait for what runs. */
  stop(): void {
    if (this.#link?.stopping.aborted) this.#hurry.abort();
    this.#link?.stop();
  }

  async #work(link: Link): Promise<void> {
    await link.register();
    this.#isRegistered();
    const stopped = new Promise((resolve) => link.stopping.addEventListener("abort", resolve, { once: true }));
    // Jobs stop just before their leases end, whatever the network does.
    const tick = link.leaseMs / 30;
    const expiring = setInterval(() => this.#hold.expire(performance.now() + 2 * tick), tick);
    try {
      for (const loop of [this.#leaseJobs(link), this.#report(link)]) {
        loop.catch((error: unknown) => {
          // What a loop cannot go on from ends the worker.
          if (error instanceof Stopping) return;
          this.#trouble ??= error;
          this.#hurry.abort();
          link.stop();
        });
      }
      if (!link.stopping.aborted) await stopped;
      await this.#drain();
    } finally {
      clearInterval(expiring);
    }
  }

  async #leaseJobs(link: Link): Promise<void> {
    const backoff = new Backoff(Infinity);
    while (!link.stopping.aborted) {
      const room = await this.#hold.roomLeft();
      if (room === 0) return;
      try {
        const { grants, ends } = await link.lease(room);
        backoff.reset();
        for (const grant of grants) this.#take(new Task(grant, () => this.#hold.told()), ends, link);
      } catch (error) {
        await link.pause(backoff, error);
      }
    }
  }

  #take(task: Task, ends: number, link: Link): void {
    this.#hold.add(task, ends);
    const run = this.#processors.get(task.subType) as Processor<unknown> | undefined;
    if (run === undefined || link.stopping.aborted) {
      this.#hold.end(task, { kind: "release" });
    } else {
      void this.#ending(task, run, link).then(([ending, size]) => this.#hold.end(task, ending, size));
    }
  }

  /** Runs a job; what to say at its end, and about how large that is. */
  async #ending(task: Task, run: Processor<unknown>, link: Link): Promise<[Saying | undefined, number]> {
    try {
      return await completion(task, await run(task), link);
    } catch (error) {
      if (error instanceof JobStoppedError || task.stopReason !== undefined) {
        // Of a lost lease there is nothing to say. The rest is given back; a cancelled job ends with that.
        return [task.stopReason === "stale" ? undefined : { kind: "release" }, 0];
      }
      return [failure(error), 0];
    }
  }

  async #report(link: Link): Promise<void> {
    const backoff = new Backoff(Infinity);
    let heartbeatAt = performance.now() + link.heartbeatMs;
    while (!this.#hold.isClosed) {
      await this.#hold.news(heartbeatAt - performance.now());
      const now = performance.now();
      const reports = this.#hold.reports(now >= heartbeatAt);
      if (reports.length > 0 && !(await this.#send(reports, link, backoff))) continue;
      if (now >= heartbeatAt) heartbeatAt = now + link.heartbeatMs;
      // Progress is gathered for a moment; the end of a job is not kept waiting.
      await this.#hold.endings(REPORT_EVERY_MS);
    }
  }

  /** Sends reports; whether they are settled. Those that are not will be said again. */
  async #send(reports: readonly Report[], link: Link, backoff: Backoff): Promise<boolean> {
    try {
      const answered = await link.report(reports);
      if (answered === undefined) {
        this.#hold.unsent(reports);
        return false;
      }
      this.#hold.answered(reports, answered.answers, answered.ends);
      backoff.reset();
      return true;
    } catch (error) {
      if (error instanceof RefusedError && [400, 413, 422].includes(error.status)) {
        return this.#sendApart(reports, error, link, backoff);
      }
      this.#hold.unsent(reports);
      const ms = pauseBeforeNext(backoff, error);
      this.#options.onWarning?.(`${String(error)}; reports are kept for ${Math.round(ms)} ms`);
      // Jobs that end now have to wait as well: whoever is away does not hear them either.
      await sleep(Math.min(ms, link.heartbeatMs));
      return false;
    }
  }

  /** One of the reports is refused for what it says; the others must not suffer for it. */
  async #sendApart(reports: readonly Report[], refusal: RefusedError, link: Link, backoff: Backoff): Promise<boolean> {
    const [first, ...others] = reports;
    if (first === undefined) return true;
    if (others.length === 0) {
      this.#options.onWarning?.(`a report of kind ${first.kind} was refused: ${refusal.message}`);
      this.#hold.refused(first, refusal);
      return true;
    }
    let isSettled = true;
    for (const report of reports) isSettled = (await this.#send([report], link, backoff)) && isSettled;
    return isSettled;
  }

  async #drain(): Promise<void> {
    const deadline = performance.now() + (this.#options.graceMs ?? 30_000);
    while (!(await this.#hold.empty(100))) {
      if (this.#hurry.signal.aborted || performance.now() >= deadline) {
        this.#hold.stopAll();
        await this.#hold.empty(STOPPING_MS);
        return;
      }
    }
  }
}

async function completion(task: Task, made: unknown, link: Link): Promise<[Saying, number]> {
  if (made === undefined) return [{ kind: "complete" }, 0];
  let result = made;
  if (!(result instanceof Result)) {
    const text: string | undefined = JSON.stringify(result);
    if (text === undefined) throw new TypeError("a result has to be a JSON value, a Result or nothing");
    if (text.length <= INLINE_MAX) return [{ kind: "complete", result }, text.length];
    result = new Result(new TextEncoder().encode(text), "application/json");
  }
  await link.upload(task, result as Result);
  return [{ kind: "complete" }, 0];
}

function failure(thrown: unknown): Saying {
  const stackTrace = thrown instanceof Error ? (thrown.stack ?? null) : null;
  if (thrown instanceof Failure) {
    const { message, kind, retryable } = thrown;
    return { kind: "fail", error: { message: message || kind, kind, retryable, stackTrace } };
  }
  return { kind: "fail", error: { message: String(thrown), kind: "error", retryable: true, stackTrace } };
}
