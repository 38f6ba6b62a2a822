/** A job in the hands of a worker: what its processor knows of it and may do with it. */

import { JobStoppedError, type StopReason, UnexpectedAnswerError } from "./errors.js";
import type { Priority } from "./job.js";

/** Log lines of one job that wait to be sent; of more, the oldest are dropped. */
const LINES_MAX = 1_000;

/** What a worker says about one lease, in the words of the API. */
export type Report = { readonly leaseToken: string } & Saying;

/** The same, before it is said which lease it is about. */
export type Saying =
  | { readonly kind: "heartbeat" }
  | { readonly kind: "progress"; readonly progress: number; readonly message?: string }
  | { readonly kind: "log"; readonly lines: readonly string[] }
  | { readonly kind: "state"; readonly state: unknown }
  | { readonly kind: "complete"; readonly result?: unknown }
  | { readonly kind: "fail"; readonly error: Readonly<Record<string, unknown>> }
  | { readonly kind: "release" };

/** A job as it is leased. */
export interface Grant {
  readonly leaseToken: string;
  readonly fencingToken: number;
  readonly jobId: string;
  readonly subType: string;
  readonly type: string;
  readonly priority: Priority;
  readonly payload: unknown;
  readonly attempt: number;
  readonly maxAttempts: number;
  readonly state?: unknown;
}

/** A lease, if that is one. */
export function asGrant(value: unknown): Grant {
  const grant = value as Partial<Grant> | null;
  if (typeof grant?.leaseToken !== "string" || typeof grant.jobId !== "string" || typeof grant.subType !== "string") {
    throw new UnexpectedAnswerError("a lease that is none");
  }
  return grant as Grant;
}

/** One try of one job. */
export class Task<Payload = unknown> {
  readonly jobId: string;
  readonly subType: string;
  readonly type: string;
  readonly priority: Priority;
  readonly payload: Payload;
  /** Number of this try, from 1. */
  readonly attempt: number;
  readonly maxAttempts: number;
  /** Grows with each try of this job: a resource that keeps the highest one can refuse an older worker. */
  readonly fencingToken: number;
  readonly leaseToken: string;

  readonly #told: () => void;
  readonly #stop = new AbortController();
  #state: unknown;
  #saved: { readonly state: unknown } | undefined;
  #progress: Saying | undefined;
  #lines: string[] = [];

  /** @internal */
  constructor(grant: Grant, told: () => void = () => {}) {
    this.jobId = grant.jobId;
    this.subType = grant.subType;
    this.type = grant.type;
    this.priority = grant.priority;
    this.payload = grant.payload as Payload;
    this.attempt = grant.attempt;
    this.maxAttempts = grant.maxAttempts;
    this.fencingToken = grant.fencingToken;
    this.leaseToken = grant.leaseToken;
    this.#state = grant.state;
    this.#told = told;
  }

  /** What this try, or an earlier one, saved last. */
  get state(): unknown {
    return this.#state;
  }

  /** Aborts when the job is stopped, with a `JobStoppedError` as its reason. Give it to whatever takes a signal. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** Why it was stopped, if it was. */
  get stopReason(): StopReason | undefined {
    return (this.signal.reason as JobStoppedError | undefined)?.reason;
  }

  /** Throws `JobStoppedError` when the job was stopped. */
  check(): void {
    this.signal.throwIfAborted();
  }

  /** Reports how far it is, 0 to 100. Throws `JobStoppedError` when the job was stopped. */
  progress(percent: number, message?: string): void {
    this.check();
    if (Number.isNaN(percent)) throw new RangeError("progress has to be a number, 0 to 100");
    const progress = Math.min(100, Math.max(0, Math.floor(percent)));
    this.#progress = message === undefined ? { kind: "progress", progress } : { kind: "progress", progress, message };
    this.#told();
  }

  /** Adds lines to the job's log. */
  log(...lines: string[]): void {
    this.#lines = [...this.#lines, ...lines].slice(-LINES_MAX);
    this.#told();
  }

  /** Keeps a JSON value that the next try finds as `state`. Throws `JobStoppedError` when the job was stopped. */
  save(state: unknown): void {
    this.check();
    // A copy: what the processor does with its own goes on while this is sent. Null forgets what was saved.
    this.#saved = { state: JSON.parse(JSON.stringify(state ?? null)) as unknown };
    this.#state = state;
    this.#told();
  }

  /** @internal Tells the processor to stop. The first reason stands. */
  stop(reason: StopReason): void {
    this.#stop.abort(new JobStoppedError(reason));
  }

  /** @internal What was said since this was last asked. What was saved comes first. */
  takeReports(): Report[] {
    const sayings: Saying[] = [];
    if (this.#saved !== undefined) sayings.push({ kind: "state", state: this.#saved.state });
    if (this.#progress !== undefined) sayings.push(this.#progress);
    if (this.#lines.length > 0) sayings.push({ kind: "log", lines: this.#lines });
    this.#saved = this.#progress = undefined;
    this.#lines = [];
    return sayings.map((saying) => ({ leaseToken: this.leaseToken, ...saying }));
  }

  /** @internal Takes back a report that did not arrive, unless something newer is to be said. */
  giveBack(report: Report): void {
    if (report.kind === "state") this.#saved ??= { state: report.state };
    else if (report.kind === "progress") this.#progress ??= report;
    else if (report.kind === "log") this.#lines = [...report.lines, ...this.#lines].slice(-LINES_MAX);
  }
}
