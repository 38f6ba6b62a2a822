/** What a call can fail with. Everything is a `FaenaError`, but for an abort by the caller's own signal. */

import type { Job } from "./job.js";

/** The root of all errors of this package. */
export class FaenaError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** Nobody answers at that address, or the connection broke. */
export class UnreachableError extends FaenaError {}

/** The answer is not one of this service: another program listens there, or another version. */
export class UnexpectedAnswerError extends FaenaError {}

/** One field's complaint. */
export interface FieldError {
  readonly field: string;
  readonly message: string;
}

/** The server understood the call and refused it. */
export class RefusedError extends FaenaError {
  constructor(
    /** The status code of HTTP. */
    readonly status: number,
    /** The stable word for it, such as `invalid_request`. */
    readonly code: string,
    /** One sentence. */
    readonly sentence: string,
    /** The fields at fault. */
    readonly details: readonly FieldError[] = [],
    /** What to name when asking the operator about it. */
    readonly requestId: string | undefined = undefined,
    /** Seconds after which it is worth another try. */
    readonly retryAfterSeconds: number | undefined = undefined,
  ) {
    const fields = details.map((detail) => `; ${detail.field}: ${detail.message}`).join("");
    super(`${sentence} (${status} ${code}${fields})`);
  }

  /** Whether the same call may be taken later: nothing was accepted. */
  get isPassing(): boolean {
    return this.status === 429 || this.status === 503;
  }
}

/** The job has not ended in the time that was given; it goes on. */
export class WaitTimeoutError extends FaenaError {
  constructor(
    /** The job as it was last seen. */
    readonly job: Job,
  ) {
    super(`job ${job.jobId} has not ended in the given time: ${job.status} at ${job.progress} %`);
  }
}

/** Why a job is no longer its worker's to do. */
export type StopReason =
  /** Somebody cancelled it. */
  | "cancelled"
  /** Its lease is lost: another worker may have it. */
  | "stale"
  /** The worker is stopping, and its grace time is over. */
  | "draining";

/** The job is no longer this worker's to do. Let it pass: the worker knows what to make of it. */
export class JobStoppedError extends FaenaError {
  constructor(readonly reason: StopReason) {
    super(`the job was stopped: ${reason}`);
  }
}

/** Throw it to fail a job with a kind of your own, or for good. Anything else that is thrown fails it as `error`. */
export class Failure extends Error {
  override name = "Failure";
  /** A stable word for what happened. */
  readonly kind: string;
  /** Whether another try may help. */
  readonly retryable: boolean;

  constructor(message: string, { kind = "error", retryable = true }: { kind?: string; retryable?: boolean } = {}) {
    super(message);
    this.kind = kind;
    this.retryable = retryable;
  }
}
