/** Whether a failed call is worth another try, and when. */

import { RefusedError, UnreachableError } from "./errors.js";

const PAUSE_FIRST_MS = 100;
export const PAUSE_MAX_MS = 5_000;

/**
 * The pauses of one series of tries: doubled, jittered, never shorter than `Retry-After` says. The series is given up
 * when its next try would come later than `patienceMs` after its first failure.
 */
export class Backoff {
  #tries = 0;
  #since: number | undefined;

  constructor(
    private readonly patienceMs: number,
    private readonly clock: () => number = () => performance.now(),
    private readonly chance: () => number = Math.random,
  ) {}

  /** The other side has answered: what fails next begins a new series. */
  reset(): void {
    this.#tries = 0;
    this.#since = undefined;
  }

  /** Milliseconds to wait before the next try; none when there shall be no other. */
  pause(error: unknown): number | undefined {
    const isPassing = error instanceof UnreachableError || (error instanceof RefusedError && error.isPassing);
    if (!isPassing) return undefined;
    const now = this.clock();
    this.#since ??= now;
    const ceiling = Math.min(PAUSE_MAX_MS, PAUSE_FIRST_MS * 2 ** Math.min(this.#tries, 16));
    this.#tries += 1;
    // Between half and all of it: never at once, and no two callers in step.
    let pause = (ceiling * (1 + this.chance())) / 2;
    if (error instanceof RefusedError) pause += (error.retryAfterSeconds ?? 0) * 1_000;
    return now + pause - this.#since <= this.patienceMs ? pause : undefined;
  }
}

/** Waits, unless the signal says that there is nothing left to wait for: then its reason is thrown. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const aborted = (): void => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", aborted);
      resolve();
    }, ms);
    signal?.addEventListener("abort", aborted, { once: true });
  });
}
