"""A server that answers as a test tells it to."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Seen:
    """A request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Reply:
    """An answer to give: a JSON value, or bytes, or pieces of a stream. `drop` hangs up instead."""

    status: int = 200
    body: Any = b""
    headers: dict[str, str] = field(default_factory=dict)
    drop: bool = False


def refusal(status: int, code: str, **headers: str) -> Reply:
    body = {"success": False, "error": "not like this", "code": code, "details": [], "requestId": "r-1"}
    return Reply(status, body, {name.replace("_", "-"): value for name, value in headers.items()})


def job(status: str = "queued", progress: int = 0, **more: Any) -> dict[str, Any]:
    return {
        "jobId": "01a20ced-25ed-77e7-a4ab-2cd3ee1b0929",
        "status": status,
        "type": "diagnostics",
        "subType": "sleep",
        "priority": "normal",
        "progress": progress,
        "createdAt": "2026-11-24T09:39:58.061Z",
        **more,
    }


def event(id: str, data: dict[str, Any]) -> bytes:
    return f"id: {id}\nevent: job\ndata: {json.dumps(data)}\n\n".encode()


class FakeServer:
    """Answers each request by a function, and remembers them all."""

    def __init__(self, answer: Callable[[Seen], Reply]) -> None:
        self.seen: list[Seen] = []
        self._changed = threading.Condition()
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                seen = Seen(self.command, self.path, headers, body)
                with fake._changed:
                    fake.seen.append(seen)
                    fake._changed.notify_all()
                self.reply(answer(seen))

            do_GET = do_POST = do_PUT = do_DELETE = handle_one

            def reply(self, reply: Reply) -> None:
                if reply.drop:
                    self.close_connection = True
                    return
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                if isinstance(reply.body, bytes | dict | list):
                    body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                else:
                    self.stream(reply.body)

            def stream(self, pieces: Iterable[bytes]) -> None:
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                for piece in pieces:
                    self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                self.wfile.write(b"0\r\n\r\n")

            def log_message(self, *_: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: Any) -> None:
                # A client that hangs up is part of several tests.
                pass

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def broken_off() -> Reply:
    """An answer whose server dies in the middle of it."""

    def pieces() -> Iterable[bytes]:
        yield b'{"data": '
        raise ConnectionAbortedError

    return Reply(200, pieces())


def one_by_one(*replies: Reply) -> Callable[[Seen], Reply]:
    """Gives these answers in order."""
    left = iter(replies)
    return lambda _: next(left)
