/** Requests and answers: time limits, and telling a refusal from an answer. */

import { FaenaError, type FieldError, RefusedError, UnexpectedAnswerError, UnreachableError } from "./errors.js";

/** Time that an answer may take, besides what a long poll is asked to hold. */
const ANSWER_MAX_MS = 30_000;
/** Time that a stream may be silent; the server gives a sign of life several times as often. */
const SILENCE_MAX_MS = 60_000;

/** One request. */
export interface Call {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array<ArrayBuffer>;
  /** Seconds that the server was asked to hold the answer. */
  readonly holdSeconds?: number;
  /** The caller's own reason to give up. */
  readonly signal?: AbortSignal | undefined;
}

/** Whether sending a request twice does no more than sending it once. */
export function isRepeatable(call: Call): boolean {
  return call.method === "GET" || call.headers?.["Idempotency-Key"] !== undefined;
}

/** One answer that is no refusal. */
export class Answer {
  constructor(
    readonly status: number,
    readonly headers: Headers,
    readonly body: Uint8Array,
  ) {}

  /** The body, read as JSON. */
  json(): unknown {
    try {
      return JSON.parse(new TextDecoder().decode(this.body));
    } catch {
      throw new UnexpectedAnswerError(`${this.status} with a body that is no JSON`);
    }
  }

  /** What an envelope holds. */
  data(): unknown {
    const envelope = this.json();
    if (typeof envelope !== "object" || envelope === null || !("data" in envelope)) {
      throw new UnexpectedAnswerError(`${this.status} without \`data\``);
    }
    return envelope.data;
  }
}

/** Sends requests to one server. */
export class Transport {
  readonly #base: string;

  constructor(
    url: string,
    private readonly key: string | undefined,
  ) {
    const parsed = URL.canParse(url) ? new URL(url) : undefined;
    if (!parsed || !/^https?:$/.test(parsed.protocol) || parsed.search || parsed.hash) {
      throw new TypeError(`\`${url}\` is not the address of a server, such as http://127.0.0.1:7700`);
    }
    this.#base = parsed.href.replace(/\/+$/, "");
  }

  /** Sends a request and reads all of its answer. A refusal is thrown. */
  async exchange(call: Call): Promise<Answer> {
    const limit = AbortSignal.timeout((call.holdSeconds ?? 0) * 1_000 + ANSWER_MAX_MS);
    return this.#reached(call.signal, async () => {
      const response = await this.#fetch(call, limit);
      return checked(response, new Uint8Array(await response.arrayBuffer()));
    });
  }

  /** Sends a request whose answer goes on: its status, and its pieces as they come. A refusal is thrown. */
  async *stream(call: Call): AsyncGenerator<number | Uint8Array, void, undefined> {
    const silent = new AbortController();
    const rearm = (): NodeJS.Timeout => setTimeout(() => silent.abort(new Error("it is silent")), SILENCE_MAX_MS);
    let timer = rearm();
    try {
      const response = await this.#reached(call.signal, () => this.#fetch(call, silent.signal));
      if (response.status !== 200) {
        yield this.#reached(
          call.signal,
          async () => checked(response, new Uint8Array(await response.arrayBuffer())).status,
        );
        return;
      }
      yield response.status;
      const reader = response.body?.getReader();
      for (;;) {
        const piece = await this.#reached(call.signal, async () => reader?.read());
        if (piece?.value === undefined) return;
        clearTimeout(timer);
        timer = rearm();
        yield piece.value as Uint8Array;
      }
    } finally {
      clearTimeout(timer);
      silent.abort();
    }
  }

  /** Fetches something from elsewhere. The other place is not ours: it is not told the key. */
  async fetchFrom(url: string, signal?: AbortSignal): Promise<Answer> {
    return this.#reached(signal, async () => {
      const response = await fetch(url, { signal: joined(AbortSignal.timeout(ANSWER_MAX_MS), signal) });
      if (!response.ok) throw new UnreachableError(`cannot fetch ${url}: it answers ${response.status}`);
      return new Answer(response.status, response.headers, new Uint8Array(await response.arrayBuffer()));
    });
  }

  #fetch(call: Call, limit: AbortSignal): Promise<Response> {
    const headers = new Headers(call.headers);
    if (this.key !== undefined) headers.set("Authorization", `Bearer ${this.key}`);
    if (call.body !== undefined && !headers.has("Content-Type")) headers.set("Content-Type", "application/json");
    return fetch(this.#base + call.path, {
      method: call.method,
      headers,
      body: call.body ?? null,
      redirect: "manual",
      signal: joined(limit, call.signal),
    });
  }

  /** Runs a part of an exchange, and tells a broken connection from a caller who gave up. */
  async #reached<T>(signal: AbortSignal | undefined, part: () => Promise<T>): Promise<T> {
    try {
      return await part();
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      if (error instanceof FaenaError) throw error;
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
      const reason = cause instanceof Error ? cause.message || ("code" in cause && cause.code) || cause.name : cause;
      throw new UnreachableError(`cannot reach the server at ${this.#base}: ${String(reason)}`, { cause: error });
    }
  }
}

function joined(limit: AbortSignal, signal: AbortSignal | undefined): AbortSignal {
  return signal === undefined ? limit : AbortSignal.any([limit, signal]);
}

/** The answer, unless it is a refusal, which is thrown. */
function checked(response: Response, body: Uint8Array): Answer {
  if (response.status < 400) return new Answer(response.status, response.headers, body);
  let envelope: Record<string, unknown>;
  try {
    envelope = (JSON.parse(new TextDecoder().decode(body)) ?? {}) as Record<string, unknown>;
  } catch {
    envelope = {};
  }
  const { code, error, details, requestId } = envelope;
  if (typeof code !== "string" || typeof error !== "string") {
    if ([502, 503, 504].includes(response.status)) {
      throw new UnreachableError(`a gateway answers ${response.status}: the server behind it is away`);
    }
    throw new UnexpectedAnswerError(`${response.status} without an error of the kind this service gives`);
  }
  throw new RefusedError(
    response.status,
    code,
    error,
    Array.isArray(details) ? (details as FieldError[]) : [],
    typeof requestId === "string" ? requestId : undefined,
    seconds(response.headers.get("Retry-After")),
  );
}

/** A date is allowed by HTTP as well; this service does not send one. */
function seconds(text: string | null): number | undefined {
  return text !== null && /^\d+$/.test(text) ? Number(text) : undefined;
}
