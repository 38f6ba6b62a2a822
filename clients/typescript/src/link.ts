/** What a worker says to its server, and how it comes back when the server has forgotten it. */

import { Backoff, sleep } from "./backoff.js";
import { JobStoppedError, RefusedError, UnexpectedAnswerError, UnreachableError } from "./errors.js";
import { type Answer, type Call, Transport } from "./http.js";
import type { Result } from "./job.js";
import { asGrant, type Grant, type Report, type Task } from "./task.js";

/** Jobs that the server leases in one call at most. */
const GRANTS_MAX = 100;

/** The worker was stopped while it waited for its server. */
export class Stopping extends Error {}

/** What a server is told of a worker. */
export interface Registration {
  readonly name: string;
  readonly subTypes: readonly string[];
  readonly concurrency: number;
}

/** One worker's side of the conversation. */
export class Link {
  readonly #transport: Transport;
  readonly #stopping = new AbortController();
  readonly #over = new AbortController();
  #registering: Promise<void> | undefined;
  #workerId: string | undefined;
  leaseMs = 30_000;
  heartbeatMs = 10_000;

  constructor(
    url: string,
    key: string | undefined,
    private readonly registration: Registration,
    private readonly warn: (message: string) => void,
  ) {
    this.#transport = new Transport(url, key);
  }

  /** Aborts when the worker stops: nothing new is begun, and a server that is away is not waited for. */
  get stopping(): AbortSignal {
    return this.#stopping.signal;
  }

  /** The worker is stopping. */
  stop(): void {
    this.#stopping.abort(new Stopping("the worker is stopping"));
  }

  /** `POST /workers`, once for all who find that the server has forgotten this worker. */
  register(): Promise<void> {
    this.#registering ??= this.#register().finally(() => (this.#registering = undefined));
    return this.#registering;
  }

  /**
   * `POST /workers/{id}/lease`: jobs, and until when by this machine's clock they are leased at least. Whenever the server
   * leased them while it held the request, it was not before the request was sent.
   */
  async lease(max: number): Promise<{ grants: Grant[]; ends: number }> {
    const waitSeconds = Math.max(1, Math.floor(this.leaseMs / 3_000));
    const ends = performance.now() + this.leaseMs;
    const answer = await this.#known("lease", { max: Math.min(max, GRANTS_MAX), waitSeconds }, waitSeconds);
    if (answer === undefined) return { grants: [], ends };
    const grants = answer.data();
    if (!Array.isArray(grants)) throw new UnexpectedAnswerError("leases that are none");
    return { grants: grants.map(asGrant), ends };
  }

  /**
   * `POST /workers/{id}/reports`: the answers, and until when the leases last at least. Nothing when the server had
   * forgotten the worker: it was registered anew, and the reports are to be repeated.
   */
  async report(reports: readonly Report[]): Promise<{ answers: unknown; ends: number } | undefined> {
    const ends = performance.now() + this.leaseMs;
    const answer = await this.#known("reports", { reports });
    return answer && { answers: answer.data(), ends };
  }

  /** `PUT /leases/{token}/result`: for as long as the lease lasts, as often as it takes. */
  async upload(task: Task, result: Result): Promise<void> {
    const path = `/leases/${encodeURIComponent(task.leaseToken)}/result`;
    const call: Call = {
      method: "PUT",
      path,
      headers: { "Content-Type": result.contentType },
      body: new Uint8Array(result.content),
      signal: task.signal,
    };
    const backoff = new Backoff(Infinity);
    for (;;) {
      try {
        await this.#transport.exchange(call);
        return;
      } catch (error) {
        task.check();
        if (error instanceof RefusedError && [404, 409, 410].includes(error.status)) {
          task.stop("stale");
          throw new JobStoppedError("stale");
        }
        await sleep(pauseBeforeNext(backoff, error), task.signal);
      }
    }
  }

  /** `DELETE /workers/{id}`: what is still held goes back to the queue. A server that is away finds out later. */
  async leave(): Promise<void> {
    if (this.#workerId !== undefined) {
      const call: Call = { method: "DELETE", path: `/workers/${encodeURIComponent(this.#workerId)}` };
      await this.#transport.exchange(call).catch(() => {});
    }
    this.#over.abort(new Stopping("the worker has left"));
  }

  /** Waits before the next try, or throws what there is no other try for. */
  async pause(backoff: Backoff, error: unknown): Promise<void> {
    const ms = pauseBeforeNext(backoff, error);
    this.warn(`${String(error)}; trying again in ${Math.round(ms)} ms`);
    await sleep(ms, this.stopping);
  }

  /** A call as this worker. When the server does not know it, it is registered anew, and there is no answer. */
  async #known(what: string, body: unknown, holdSeconds = 0): Promise<Answer | undefined> {
    const workerId = this.#workerId ?? "";
    try {
      return await this.#post(`/workers/${encodeURIComponent(workerId)}/${what}`, body, holdSeconds);
    } catch (error) {
      if (!(error instanceof RefusedError) || error.status !== 404) throw error;
      this.warn("the server has forgotten this worker");
      if (this.#workerId === workerId) await this.register();
      return undefined;
    }
  }

  #post(path: string, body: unknown, holdSeconds = 0): Promise<Answer> {
    const text = JSON.stringify(body);
    return this.#transport.exchange({ method: "POST", path, body: text, holdSeconds, signal: this.#over.signal });
  }

  async #register(): Promise<void> {
    const backoff = new Backoff(Infinity);
    for (;;) {
      try {
        const terms = (await this.#post("/workers", this.registration)).data() as Record<string, unknown> | null;
        const { workerId, leaseSeconds, heartbeatSeconds } = terms ?? {};
        if (typeof workerId !== "string" || typeof leaseSeconds !== "number" || typeof heartbeatSeconds !== "number") {
          throw new UnexpectedAnswerError("an answer that is no registration");
        }
        this.leaseMs = leaseSeconds * 1_000;
        this.heartbeatMs = heartbeatSeconds * 1_000;
        this.#workerId = workerId;
        return;
      } catch (error) {
        await this.pause(backoff, error);
      }
    }
  }
}

/** Milliseconds before a worker's next try. Whatever the server's trouble is, it is got over; the rest is thrown. */
export function pauseBeforeNext(backoff: Backoff, error: unknown): number {
  const isTheirs = error instanceof RefusedError && error.status >= 500;
  const ms = backoff.pause(isTheirs ? new UnreachableError(error.message) : error);
  if (ms === undefined) throw error;
  return ms;
}
