"""Receives webhooks: believes only what is signed and fresh, and acts on each event once. The standard library is enough.

    WEBHOOK_SECRET=whsec_… python3 examples/webhooks/receiver.py [PORT]     (two secrets, with a blank between, while one is replaced)
"""

import base64, hashlib, hmac, json, os, sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SECRETS = [base64.b64decode(secret.removeprefix("whsec_")) for secret in os.environ["WEBHOOK_SECRET"].split()]
TOLERANCE_SECONDS, BODY_BYTES_MAX = 300, 1024 * 1024
seen = set()  # Yours is a table with a unique key, written in the transaction that acts: an event may come again days later.


def is_signed(id: str, timestamp: str, signatures: str, body: bytes) -> bool:
    if not (timestamp.isascii() and timestamp.isdigit()) or abs(time.time() - int(timestamp)) > TOLERANCE_SECONDS:
        return False
    signed = f"{id}.{timestamp}.".encode() + body
    good = [b"v1," + base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()) for secret in SECRETS]
    return any(hmac.compare_digest(one, given.encode()) for one in good for given in signatures.split(" "))


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        length = self.headers.get("content-length", "")
        if not length.isdigit() or int(length) > BODY_BYTES_MAX:
            return self.answer(413)
        body = self.rfile.read(int(length))
        id, timestamp, signatures = (self.headers.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature"))
        if not is_signed(id, timestamp, signatures, body):
            return self.answer(401)
        if id not in seen:
            event = json.loads(body)  # Only now: nobody else's bytes are looked at.
            print(event["type"], event["aggregateId"], flush=True)
            seen.add(id)
        self.answer(204)  # Answer soon, and do what takes long afterwards.

    def answer(self, status: int) -> None:
        self.send_response(status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


server = ThreadingHTTPServer(("127.0.0.1", int((sys.argv + ["0"])[1])), Receiver)
print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
