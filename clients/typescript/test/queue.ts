/** A server's side of the workers' calls, in memory: it hands out jobs and notes what becomes of them. */

import { EventEmitter, once } from "node:events";

import { FakeServer, refusal, type Reply, type Seen } from "./fake.js";

/** A report as it arrived. */
export interface Told {
  readonly leaseToken: string;
  readonly kind: string;
  readonly [field: string]: unknown;
}

/** One queue, for one worker at a time. */
export class FakeQueue {
  readonly reports: Told[] = [];
  readonly uploads = new Map<string, { type: string | undefined; text: string }>();
  /** What to answer about a lease, if not `accepted`. */
  readonly answers = new Map<string, string>();
  /** What to answer to a request with such a kind of report. */
  readonly refuse = new Map<string, Reply>();
  /** The same, for one request. */
  readonly refuseOnce = new Map<string, Reply>();
  /** So many requests with reports find nobody there. */
  away = 0;
  known: string | undefined;
  left = false;
  registered: unknown;
  readonly #changed = new EventEmitter().setMaxListeners(0);
  #waiting: object[] = [];
  #grants = 0;
  #workers = 0;
  #server!: FakeServer;

  private constructor(private readonly terms: { leaseSeconds: number; heartbeatSeconds: number }) {}

  static async start(terms: { leaseSeconds?: number; heartbeatSeconds?: number } = {}): Promise<FakeQueue> {
    const queue = new FakeQueue({ leaseSeconds: 30, heartbeatSeconds: 10, ...terms });
    queue.#server = await FakeServer.start((seen) => queue.#answer(seen));
    return queue;
  }

  get url(): string {
    return this.#server.url;
  }

  /** Queues a job; the token under which it will be leased. */
  put(subType: string, payload: unknown = {}, more: object = {}): string {
    this.#grants += 1;
    const leaseToken = `lease-${this.#grants}`;
    const names = { leaseToken, jobId: `job-${this.#grants}`, fencingToken: this.#grants };
    const terms = { subType, type: "test", priority: "normal", payload, attempt: 1, maxAttempts: 3, state: null };
    this.#waiting.push({ ...names, ...terms, ...more });
    this.#changed.emit("change");
    return leaseToken;
  }

  /** The server does not know its worker any more. */
  forget(): void {
    this.known = undefined;
    this.#changed.emit("change");
  }

  /** The first report of this kind, once it is there. */
  async report(kind: string, leaseToken?: string): Promise<Told> {
    const fits = (told: Told): boolean => told.kind === kind && (leaseToken ?? told.leaseToken) === told.leaseToken;
    await this.#until(() => this.reports.some(fits), 20_000);
    const found = this.reports.find(fits);
    if (found === undefined) throw new Error(`no report \`${kind}\` among ${JSON.stringify(this.reports)}`);
    return found;
  }

  /** The kinds of the reports about one lease, in order. */
  kinds(leaseToken: string): string[] {
    return this.reports.filter((told) => told.leaseToken === leaseToken).map((told) => told.kind);
  }

  async close(): Promise<void> {
    await this.#server.close();
  }

  async #answer({ method, path, headers, body }: Seen): Promise<Reply> {
    const [, , name = "", what] = path.split("/");
    if (method === "PUT") {
      this.uploads.set(name, { type: headers["content-type"], text: String(body) });
      return { status: 204 };
    }
    const said = body.length > 0 ? (JSON.parse(String(body)) as Record<string, unknown>) : {};
    if (name === "") {
      this.#workers += 1;
      this.known = `worker-${this.#workers}`;
      this.registered = said;
      return { status: 201, body: { data: { workerId: this.known, ...this.terms } } };
    }
    if (name !== this.known) return refusal(404, "not_found");
    if (method === "DELETE") {
      this.left = true;
      this.#changed.emit("change");
      return { status: 204 };
    }
    return what === "lease" ? this.#lease(said) : this.#take(said["reports"] as Told[]);
  }

  async #lease({ max, waitSeconds }: Record<string, unknown>): Promise<Reply> {
    const worker = this.known;
    const isOver = (): boolean => this.#waiting.length > 0 || this.left || this.known !== worker;
    await this.#until(isOver, Number(waitSeconds) * 1_000);
    if (this.known !== worker) return refusal(404, "not_found");
    return { body: { data: this.#waiting.splice(0, Number(max)) } };
  }

  #take(reports: Told[]): Reply {
    if (this.away > 0) {
      this.away -= 1;
      return "drop";
    }
    for (const { kind } of reports) {
      const refused = this.refuseOnce.get(kind) ?? this.refuse.get(kind);
      this.refuseOnce.delete(kind);
      if (refused !== undefined) return refused;
    }
    this.reports.push(...reports);
    this.#changed.emit("change");
    const answer = ({ leaseToken }: Told): object => ({
      leaseToken,
      answer: this.answers.get(leaseToken) ?? "accepted",
    });
    return { body: { data: reports.map(answer) } };
  }

  async #until(isTrue: () => boolean, ms: number): Promise<void> {
    const signal = AbortSignal.timeout(ms);
    while (!isTrue() && !signal.aborted) await once(this.#changed, "change", { signal }).catch(() => {});
  }
}
