/**
 * Receives webhooks: believes only what is signed and fresh, and acts on each event once. Node alone is enough.
 *
 *     WEBHOOK_SECRET=whsec_… node examples/webhooks/receiver.ts [PORT]        (Node 22.18 or newer; older ones need tsc)
 *
 * While a secret is replaced WEBHOOK_SECRET has two, with a blank between.
 */

import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";

const given = (process.env["WEBHOOK_SECRET"] ?? "").split(" ").filter(Boolean);
const secrets = given.map((secret) => Buffer.from(secret.replace(/^whsec_/, ""), "base64"));
const TOLERANCE_SECONDS = 300;
const BODY_BYTES_MAX = 1024 * 1024;
const seen = new Set<string>(); // Yours is a table with a unique key, written in the transaction that acts: an event may come again days later.

function isSigned(id: string, timestamp: string, signatures: string, body: Buffer): boolean {
  if (!/^\d+$/.test(timestamp) || Math.abs(Date.now() / 1000 - Number(timestamp)) > TOLERANCE_SECONDS) return false;
  const good = secrets.map((secret) => createHmac("sha256", secret).update(`${id}.${timestamp}.`).update(body).digest());
  return signatures.split(" ").some((text) => {
    const digest = Buffer.from(text.startsWith("v1,") ? text.slice(3) : "", "base64");
    return good.some((one) => digest.length === one.length && timingSafeEqual(digest, one));
  });
}

async function receive(request: IncomingMessage): Promise<number> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of request) {
    if ((bytes += piece.length) > BODY_BYTES_MAX) return 413;
    pieces.push(piece);
  }
  const body = Buffer.concat(pieces);
  const [id = "", timestamp = "", signatures = ""] = ["id", "timestamp", "signature"].map((name) => String(request.headers[`webhook-${name}`] ?? ""));
  if (!isSigned(id, timestamp, signatures, body)) return 401;
  if (!seen.has(id)) {
    const event = JSON.parse(body.toString()); // Only now: nobody else's bytes are looked at.
    console.log(event.type, event.aggregateId);
    seen.add(id);
  }
  return 204; // Answer soon, and do what takes long afterwards.
}

const server = createServer((request, response) => {
  receive(request).then((status) => response.writeHead(status).end(), () => response.writeHead(500).end());
});
server.listen(Number(process.argv[2] ?? 0), "127.0.0.1", () => {
  console.log(`listening on http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
