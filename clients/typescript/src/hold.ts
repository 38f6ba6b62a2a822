/**
 * The leases that a worker holds: how long each lasts, what is to be said about it, and when there is room for more. It
 * knows neither the network nor the clock: the worker brings both.
 */

import { type RefusedError, UnexpectedAnswerError } from "./errors.js";
import type { Report, Saying, Task } from "./task.js";

/** Reports of one request, about. */
const REPORTS_MAX = 100;
/** Characters of results that one request carries. A single larger one travels alone. */
const SIZE_MAX = 512 * 1_024;

interface Lease {
  readonly task: Task;
  /** When it ends by this machine's clock, never later than by the server's. */
  ends: number;
  /** The report that ends it, once there is one. */
  ending?: Report;
  /** About how large that report is. */
  size: number;
  /** How often the server did not take what was to end it. */
  refusals: number;
}

/** All leases of one worker. */
export class Hold {
  readonly #leases = new Map<string, Lease>();
  readonly #waiters = new Set<() => void>();
  #news = false;
  #endings = false;
  #closed = false;

  constructor(private readonly room: number) {}

  get isClosed(): boolean {
    return this.#closed;
  }

  /** A new lease. */
  add(task: Task, ends: number): void {
    this.#leases.set(task.leaseToken, { task, ends, size: 0, refusals: 0 });
  }

  /** The processor is done. Without a report there is nothing to say, and the lease is dropped. */
  end(task: Task, ending: Saying | undefined, size = 0): void {
    const lease = this.#leases.get(task.leaseToken);
    if (lease !== undefined && ending !== undefined && task.stopReason !== "stale") {
      lease.ending = { leaseToken: task.leaseToken, ...ending };
      lease.size = size;
      this.#news = this.#endings = true;
    } else {
      this.#leases.delete(task.leaseToken);
    }
    this.#changed();
  }

  /** A processor has something to report. */
  told(): void {
    this.#news = true;
    this.#changed();
  }

  /** Nobody waits any more. */
  close(): void {
    this.#closed = true;
    this.#changed();
  }

  /** Waits until another lease fits; how many do. 0 when it was closed. */
  async roomLeft(): Promise<number> {
    await this.#until(() => this.#leases.size < this.room);
    return this.#closed ? 0 : this.room - this.#leases.size;
  }

  /** Waits until there is something to report, at most so long. */
  async news(ms: number): Promise<void> {
    await this.#until(() => this.#news, ms);
  }

  /** Waits until there is something to report that cannot wait, at most so long. */
  async endings(ms: number): Promise<void> {
    await this.#until(() => this.#endings, ms);
  }

  /** Waits until no lease is held, at most so long; whether that came true. */
  async empty(ms: number): Promise<boolean> {
    await this.#until(() => this.#leases.size === 0, ms);
    return this.#leases.size === 0;
  }

  /** Tells all processors to stop, because the worker does. */
  stopAll(): void {
    for (const lease of this.#leases.values()) lease.task.stop("draining");
  }

  /** What is to be said now; with `heartbeat` something about every lease. */
  reports(heartbeat: boolean): Report[] {
    this.#news = this.#endings = false;
    const reports: Report[] = [];
    let size = 0;
    for (const [leaseToken, lease] of this.#leases) {
      if (lease.task.stopReason === "stale") continue;
      if (reports.length >= REPORTS_MAX || (size > 0 && size + lease.size > SIZE_MAX)) {
        this.#news = this.#endings = true;
        break;
      }
      const ofThis = lease.task.takeReports();
      if (lease.ending !== undefined) {
        ofThis.push(lease.ending);
        size += lease.size;
      } else if (heartbeat && ofThis.length === 0) {
        ofThis.push({ leaseToken, kind: "heartbeat" });
      }
      reports.push(...ofThis);
    }
    return reports;
  }

  /** The server's answers. What it accepted, it also took as a sign of life: that lease lasts until `ends`. */
  answered(reports: readonly Report[], answers: unknown, ends: number): void {
    if (!Array.isArray(answers)) throw new UnexpectedAnswerError("answers that are none");
    for (const [at, report] of reports.entries()) {
      const lease = this.#leases.get(report.leaseToken);
      const word = (answers[at] as { answer?: unknown } | undefined)?.answer;
      if (lease === undefined || word === undefined) continue;
      if (word === "accepted") lease.ends = ends;
      else lease.task.stop(word === "cancelled" ? "cancelled" : "stale");
      const isOver = report === lease.ending || (word === "stale" && lease.ending !== undefined);
      if (isOver) this.#leases.delete(report.leaseToken);
    }
    this.#changed();
  }

  /** These did not reach the server: they are to be said again. */
  unsent(reports: readonly Report[]): void {
    for (const report of reports) this.#leases.get(report.leaseToken)?.task.giveBack(report);
    this.#news = true;
  }

  /**
   * The server will never take this report. If it was to end the job, a plainer one does: a job that never ends would be
   * handed out again and again.
   */
  refused(report: Report, refusal: RefusedError): void {
    const lease = this.#leases.get(report.leaseToken);
    if (lease === undefined || report !== lease.ending) return;
    lease.refusals += 1;
    if (lease.refusals > 2) {
      // Nothing is left to say: the lease runs out.
      this.#leases.delete(report.leaseToken);
      this.#changed();
      return;
    }
    const [what, kind] = report.kind === "complete" ? ["result", "invalid_result"] : ["failure", "error"];
    const message = `the ${what} was refused: ${refusal.sentence}`;
    this.end(lease.task, { kind: "fail", error: { message, kind, retryable: false } });
  }

  /** Stops what is past the end of its lease: somebody else may have it by now. */
  expire(now: number): void {
    for (const [leaseToken, lease] of this.#leases) {
      if (lease.ends > now) continue;
      lease.task.stop("stale");
      if (lease.ending !== undefined) this.#leases.delete(leaseToken);
    }
    this.#changed();
  }

  #changed(): void {
    for (const waiter of [...this.#waiters]) waiter();
  }

  #until(isTrue: () => boolean, ms = Infinity): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#waiters.delete(look);
        resolve();
      };
      const look = (): void => {
        if (this.#closed || isTrue()) done();
      };
      // A promise alone does not keep a process alive, and a timer has a longest time.
      const timer = setTimeout(ms === Infinity ? () => {} : done, Math.min(Math.max(0, ms), 2 ** 31 - 1));
      this.#waiters.add(look);
      look();
    });
  }
}
