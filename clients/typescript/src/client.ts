/** The client. */

import { randomUUID } from "node:crypto";

import { Backoff, sleep } from "./backoff.js";
import { UnexpectedAnswerError, UnreachableError, WaitTimeoutError } from "./errors.js";
import { EventParser } from "./events.js";
import { type Answer, type Call, isRepeatable, Transport } from "./http.js";
import { asJob, isFinished, type Job, type Priority, Result, type Status } from "./job.js";

/** Seconds that one long poll is held by the server. */
const HOLD_SECONDS = 30;
/** Time that a call goes on trying while the server is away or cannot take it; a restart takes a few seconds. */
const PATIENCE_MS = 30_000;

/** How a client speaks to its server. */
export interface ClientOptions {
  /** The key to show, if the server asks for one. */
  readonly key?: string;
  /** How long a call that may safely be repeated is repeated; 30 s unless you say otherwise. */
  readonly patienceMs?: number;
}

/** When and how often to try again; what is left out is the processor's own. */
export interface RetryPolicy {
  readonly maxRetries?: number;
  /** Milliseconds before the first retry. */
  readonly retryDelay?: number;
  readonly exponentialBackoff?: boolean;
  /** Longest pause, in milliseconds. */
  readonly maxDelay?: number;
  /** Share of the pause that is left to chance, 0 to 1. */
  readonly jitter?: number;
}

/** The terms of a new job, in the words of the API. */
export interface EnqueueOptions {
  readonly type?: string;
  readonly priority?: Priority;
  readonly userId?: string;
  readonly runAt?: Date | string;
  readonly delaySeconds?: number;
  readonly estimatedDuration?: string;
  readonly timeoutSeconds?: number;
  readonly retryPolicy?: RetryPolicy;
  readonly uniqueKey?: string;
  readonly uniqueFor?: "active" | number;
  readonly concurrencyKey?: string;
  readonly concurrencyLimit?: number;
  readonly tags?: readonly string[];
  readonly expiresAt?: Date | string;
  /** Two calls with the same key make one job. Each call without one is its own job. */
  readonly idempotencyKey?: string;
  /** Gives up the call. */
  readonly signal?: AbortSignal;
}

/** How to wait for a job. */
export interface WaitOptions {
  /** Called with the job as it is, and after each change. */
  readonly onProgress?: (job: Job) => unknown;
  /** After so long `WaitTimeoutError` is thrown; the job goes on. */
  readonly timeoutMs?: number;
  /** Gives up the wait. */
  readonly signal?: AbortSignal;
}

/** Which jobs. */
export interface JobsFilter {
  readonly status?: Status | readonly Status[];
  readonly type?: string;
  readonly subType?: string;
  readonly priority?: Priority;
  readonly userId?: string;
  readonly tag?: string;
  readonly scheduleId?: string;
  readonly createdAfter?: Date | string;
  readonly createdBefore?: Date | string;
  /** Text to search for. */
  readonly q?: string;
  readonly sort?: string;
  /** Jobs of one request; 100 unless you say otherwise. */
  readonly pageSize?: number;
  /** Gives up the list. */
  readonly signal?: AbortSignal;
}

/**
 * A client of one server.
 *
 * Calls that may safely be repeated (everything that reads, and `enqueue`) are repeated for a while when the server
 * cannot be reached or answers 429 or 503.
 */
export class Client {
  readonly #transport: Transport;
  readonly #patienceMs: number;

  constructor(baseUrl: string, options: ClientOptions = {}) {
    this.#transport = new Transport(baseUrl, options.key);
    this.#patienceMs = options.patienceMs ?? PATIENCE_MS;
  }

  /** Asks for a job. When it answers, the job is on disk; when its answer is lost, it is asked for again. */
  async enqueue(subType: string, payload: object, options: EnqueueOptions = {}): Promise<Job> {
    const { idempotencyKey, signal, ...terms } = options;
    const headers = { "Idempotency-Key": idempotencyKey ?? randomUUID() };
    const body = JSON.stringify({ subType, payload, ...terms });
    const answer = await this.#call({ method: "POST", path: "/jobs", headers, body, signal });
    return asJob(answer.data());
  }

  /** The job as it is now. */
  async get(jobId: string, signal?: AbortSignal): Promise<Job> {
    return asJob((await this.#call({ method: "GET", path: jobPath(jobId), signal })).json());
  }

  /** Waits until a job has ended, however it ends, and gives it as it ended. */
  async wait(jobId: string, options: WaitOptions = {}): Promise<Job> {
    const { onProgress, timeoutMs = Infinity, signal } = options;
    const deadline = performance.now() + timeoutMs;
    let job: Job | undefined;
    let etag: string | undefined;
    for (;;) {
      const left = deadline - performance.now();
      if (left <= 0 && job !== undefined) throw new WaitTimeoutError(job);
      // A server that is away is not waited for longer than the job.
      const patience = Math.max(0, Math.min(this.#patienceMs, left));
      const call = { ...poll(jobId, left, onProgress !== undefined, etag), signal };
      const answer = await this.#call(call, patience);
      if (answer.status !== 304) {
        etag = answer.headers.get("ETag") ?? undefined;
        job = asJob(answer.json());
        await onProgress?.(job);
        if (isFinished(job)) return job;
      }
      // The server counts whole seconds, and this is the rest of the last one.
      if (left > 0 && left < 1_000) await sleep(Math.min(left, 100), signal);
    }
  }

  /** Every change of a job, from how it is now to its end. A stream that breaks is taken up where it broke. */
  async *watch(jobId: string, options: { readonly signal?: AbortSignal } = {}): AsyncGenerator<Job, void, undefined> {
    const { signal } = options;
    const backoff = new Backoff(this.#patienceMs);
    let lastEventId: string | undefined;
    for (;;) {
      try {
        const headers = {
          Accept: "text/event-stream",
          ...(lastEventId !== undefined && { "Last-Event-ID": lastEventId }),
        };
        const parser = new EventParser();
        const call: Call = { method: "GET", path: jobPath(jobId, "/events"), headers, signal };
        for await (const piece of this.#transport.stream(call)) {
          if (piece === 204) return;
          if (typeof piece === "number") continue;
          for (const event of parser.feed(piece)) {
            backoff.reset();
            lastEventId = event.id;
            if (event.name !== "job") continue;
            const job = asJob(JSON.parse(event.data));
            yield job;
            if (isFinished(job)) return;
          }
        }
        throw new UnreachableError("the stream ended before the job did");
      } catch (error) {
        await pause(backoff, error, signal);
      }
    }
  }

  /** Cancels a job: it never completes after this. */
  async cancel(jobId: string, signal?: AbortSignal): Promise<void> {
    await this.#call({ method: "DELETE", path: jobPath(jobId), signal });
  }

  /** Queues a job that has failed or was cancelled once more. */
  async retry(jobId: string, signal?: AbortSignal): Promise<Job> {
    return asJob((await this.#call({ method: "POST", path: jobPath(jobId, "/retry"), signal })).data());
  }

  /** What a job made: by its id, or without another call from a job that carries it. */
  async result(job: Job | string, signal?: AbortSignal): Promise<Result> {
    if (typeof job !== "string" && job.resultUrl?.startsWith("data:")) return Result.fromDataUrl(job.resultUrl);
    const jobId = typeof job === "string" ? job : job.jobId;
    let answer = await this.#call({ method: "GET", path: jobPath(jobId, "/result"), signal });
    const elsewhere = answer.headers.get("Location");
    if (answer.status === 302 && elsewhere !== null) answer = await this.#transport.fetchFrom(elsewhere, signal);
    return new Result(answer.body, answer.headers.get("Content-Type") ?? undefined);
  }

  /** All jobs that the conditions name. Pages are fetched as they are needed. */
  async *jobs(filter: JobsFilter = {}): AsyncGenerator<Job, void, undefined> {
    const { pageSize = 100, signal, ...conditions } = filter;
    const query = new URLSearchParams({ limit: String(pageSize) });
    for (const [name, value] of Object.entries(conditions)) {
      if (value !== undefined) query.set(name, value instanceof Date ? value.toISOString() : String(value));
    }
    for (;;) {
      const answer = await this.#call({ method: "GET", path: `/jobs?${query}`, signal });
      const { data, pagination } = answer.json() as { data?: unknown; pagination?: Record<string, unknown> };
      if (!Array.isArray(data) || pagination === undefined)
        throw new UnexpectedAnswerError("an answer that is no list");
      yield* data.map(asJob);
      // A page may be empty and yet not the last.
      const cursor = pagination["nextCursor"];
      if (pagination["hasMore"] !== true || typeof cursor !== "string") return;
      query.set("cursor", cursor);
    }
  }

  async #call(call: Call, patienceMs = this.#patienceMs): Promise<Answer> {
    const backoff = new Backoff(patienceMs);
    for (;;) {
      try {
        return await this.#transport.exchange(call);
      } catch (error) {
        if (!isRepeatable(call)) throw error;
        await pause(backoff, error, call.signal);
      }
    }
  }
}

/** Waits before the next try, or throws what there is no other try for. */
async function pause(backoff: Backoff, error: unknown, signal: AbortSignal | undefined): Promise<void> {
  const ms = backoff.pause(error);
  if (ms === undefined) throw error;
  await sleep(ms, signal);
}

function jobPath(jobId: string, below = ""): string {
  return `/jobs/${encodeURIComponent(jobId)}${below}`;
}

/** The next poll for a job: until its next change, or until its end. */
function poll(jobId: string, left: number, eachChange: boolean, etag: string | undefined): Call {
  const holdSeconds = Math.floor(Math.max(0, Math.min(HOLD_SECONDS, left / 1_000)));
  const held = { method: "GET", path: `${jobPath(jobId)}?wait=${holdSeconds}`, holdSeconds } as const;
  if (!eachChange) return held;
  return etag === undefined ? { method: "GET", path: jobPath(jobId) } : { ...held, headers: { "If-None-Match": etag } };
}
