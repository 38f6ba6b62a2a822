/** A server that answers as a test tells it to. */

import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A request as it arrived. */
export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** An answer to give: a JSON value, text, bytes, or pieces of a stream. `"drop"` hangs up instead. */
export type Reply =
  | "drop"
  | {
      readonly status?: number;
      readonly headers?: Record<string, string>;
      readonly body?: unknown;
      readonly pieces?: AsyncIterable<string> | Iterable<string>;
    };

export const ID = "01a20ced-25ed-77e7-a4ab-2cd3ee1b0929";

export function job(status = "queued", progress = 0, more: object = {}): object {
  return { jobId: ID, status, type: "diagnostics", subType: "sleep", priority: "normal", progress, ...more };
}

export function refusal(status: number, code: string, headers: Record<string, string> = {}): Reply {
  const details = [{ field: "payload", message: "is missing" }];
  return { status, headers, body: { success: false, error: "not like this", code, details, requestId: "r-1" } };
}

export function event(id: string, data: object): string {
  return `id: ${id}\nevent: job\ndata: ${JSON.stringify(data)}\n\n`;
}

/** Gives these answers in order. */
export function oneByOne(...replies: Reply[]): () => Reply {
  return () => replies.shift() ?? refusal(500, "no_more_answers");
}

/** Answers each request by a function, and remembers them all. */
export class FakeServer {
  readonly seen: Seen[] = [];
  url = "";

  private constructor(private readonly server: Server) {}

  static async start(answer: (seen: Seen) => Reply | Promise<Reply>): Promise<FakeServer> {
    const server = createServer((request, response) => {
      void (async () => {
        const pieces: Buffer[] = [];
        for await (const piece of request) pieces.push(piece as Buffer);
        const { method = "", url: path = "", headers } = request;
        const seen = { method, path, headers, body: Buffer.concat(pieces) };
        fake.seen.push(seen);
        await give(await answer(seen), response);
      })().catch(() => response.destroy());
    });
    const fake = new FakeServer(server);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    fake.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    return fake;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, "close");
  }
}

async function give(reply: Reply, response: ServerResponse): Promise<void> {
  if (reply === "drop") {
    response.destroy();
    return;
  }
  response.writeHead(reply.status ?? 200, reply.headers);
  for await (const piece of reply.pieces ?? []) response.write(piece);
  const { body } = reply;
  response.end(body === undefined || typeof body === "string" || Buffer.isBuffer(body) ? body : JSON.stringify(body));
}
