/** A job as the server shows it, and what it left behind. */

import { UnexpectedAnswerError } from "./errors.js";

/** Where a job is in its life; the last three are the end of it. */
export type Status = "queued" | "started" | "progress" | "completed" | "failed" | "cancelled";

/** Who goes first. */
export type Priority = "high" | "normal" | "low";

/** What went wrong in a job. */
export interface JobError {
  readonly kind: string;
  readonly message: string;
  readonly stackTrace: string | null;
}

/** A job in the words of the API. Times are RFC 3339 in UTC. What was just accepted has the first eight fields only. */
export interface Job {
  readonly jobId: string;
  readonly status: Status;
  readonly type: string;
  readonly subType: string;
  readonly priority: Priority;
  /** 0 to 100. */
  readonly progress: number;
  readonly createdAt: string;
  readonly estimatedDuration: string | null;
  readonly message?: string | null;
  readonly startedAt?: string | null;
  readonly completedAt?: string | null;
  readonly runAt?: string | null;
  readonly estimatedRemainingSeconds?: number | null;
  readonly resultUrl?: string | null;
  readonly error?: JobError | null;
  /** Number of the current or latest try, from 1; 0 before the first. */
  readonly attempt?: number;
  readonly maxAttempts?: number;
  readonly userId?: string | null;
  readonly tags?: readonly string[];
  readonly scheduleId?: string | null;
  readonly durationMs?: number | null;
  readonly machineName?: string | null;
  readonly processId?: number | null;
}

/** Whether a job will never change again, unless somebody retries it. */
export function isFinished(job: Job): boolean {
  return job.status === "completed" || job.status === "failed" || job.status === "cancelled";
}

/** A job, if that is one. */
export function asJob(value: unknown): Job {
  const job = value as Partial<Job> | null;
  if (typeof job?.jobId !== "string" || typeof job.status !== "string" || typeof job.progress !== "number") {
    throw new UnexpectedAnswerError("an answer that is no job");
  }
  return job as Job;
}

/** What a job made. */
export class Result {
  constructor(
    readonly content: Uint8Array,
    readonly contentType: string = "application/octet-stream",
  ) {}

  /** The result as text, in the charset that its content type names, or UTF-8. */
  text(): string {
    const charset = /;\s*charset="?([^";\s]+)/i.exec(this.contentType)?.[1];
    return new TextDecoder(charset ?? "utf-8").decode(this.content);
  }

  /** The result read as JSON. */
  json(): unknown {
    return JSON.parse(this.text());
  }

  /** Decodes a `data:` URL. */
  static fromDataUrl(url: string): Result {
    const [, head, base64, data] = /^data:([^,]*?)(;base64)?,(.*)$/s.exec(url) ?? [];
    if (head === undefined || data === undefined) throw new TypeError("not a data: URL");
    const plain = percentDecoded(data);
    const content = base64 === undefined ? plain : Buffer.from(plain.toString("latin1"), "base64");
    return new Result(new Uint8Array(content), head || "text/plain;charset=US-ASCII");
  }
}

/** The bytes that a percent-encoded text stands for, which need not be UTF-8. */
function percentDecoded(text: string): Buffer {
  const parts = text.split(/(%[0-9a-f]{2})/i);
  return Buffer.concat(parts.map((part, at) => (at % 2 === 1 ? Buffer.from(part.slice(1), "hex") : Buffer.from(part))));
}
