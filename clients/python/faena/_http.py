"""HTTP on blocking sockets, with connections that are kept. Threads may share it."""

from __future__ import annotations

import http.client
import select
import ssl
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ._wire import ANSWER_MAX, CONNECT_MAX, SILENCE_MAX, Address, Answer, Request, headers_of
from .errors import UnreachableError

IDLE_MAX = 8
"""Connections that are kept; more than this many callers at once open new ones."""


class Transport:
    """Sends requests to one server."""

    def __init__(self, url: str, key: str | None, tls: ssl.SSLContext | None) -> None:
        self.address = Address.parse(url)
        self._key = key
        self._tls = tls
        self._idle: list[http.client.HTTPConnection] = []
        self._guard = threading.Lock()
        self._closed = False

    def exchange(self, request: Request) -> Answer:
        """Sends a request and reads all of its answer, whatever its status."""
        connection = self._take()
        try:
            answer = self._send(connection, request, request.time_limit)
            body = answer.read()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise self._unreachable(error) from error
        except BaseException:
            connection.close()
            raise
        if answer.will_close:
            connection.close()
        else:
            self._give_back(connection)
        return Answer(answer.status, _headers(answer), body)

    @contextmanager
    def stream(self, request: Request) -> Iterator[tuple[Answer, Iterator[bytes]]]:
        """Sends a request whose answer goes on: its head, and its pieces as they come.

        A refusal has its whole body in the head, and no pieces.
        """
        connection = self._connect()
        try:
            answer = self._send(connection, request, SILENCE_MAX)
            body = answer.read() if answer.status != 200 else b""
            yield Answer(answer.status, _headers(answer), body), self._pieces(answer)
        except (OSError, http.client.HTTPException) as error:
            raise self._unreachable(error) from error
        finally:
            connection.close()

    def fetch(self, url: str) -> Answer:
        """Fetches something from elsewhere. The other place is not ours: it is not told the key."""
        if not url.startswith(("https://", "http://")):
            raise self._unreachable(ValueError(f"the result is at {url!r}, which is not on the web"))
        asked = urllib.request.Request(url, headers={"Accept-Encoding": "identity"})
        try:
            with urllib.request.urlopen(asked, timeout=ANSWER_MAX, context=self._tls) as answer:
                return Answer(answer.status, _headers(answer), answer.read())
        except (OSError, http.client.HTTPException) as error:
            raise UnreachableError(f"cannot fetch {url}: {error}") from error

    def close(self) -> None:
        """Closes the connections that are not in use, and keeps none from now on."""
        with self._guard:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _send(
        self, connection: http.client.HTTPConnection, request: Request, time_limit: float
    ) -> http.client.HTTPResponse:
        path = self.address.prefix + request.path
        if connection.sock is None:
            connection.connect()
        connection.sock.settimeout(time_limit)
        connection.request(request.method, path, request.body, headers_of(request, self.address, self._key))
        return connection.getresponse()

    def _pieces(self, answer: http.client.HTTPResponse) -> Iterator[bytes]:
        while answer.status == 200 and (piece := answer.read1(65_536)):
            yield piece

    def _take(self) -> http.client.HTTPConnection:
        while True:
            with self._guard:
                if not self._idle:
                    return self._connect()
                connection = self._idle.pop()
            # Something to read before anything was asked: the other side has closed it.
            if not has_something_to_read(connection.sock):
                return connection
            connection.close()

    def _give_back(self, connection: http.client.HTTPConnection) -> None:
        with self._guard:
            if not self._closed and len(self._idle) < IDLE_MAX:
                self._idle.append(connection)
                return
        connection.close()

    def _connect(self) -> http.client.HTTPConnection:
        host, port = self.address.host, self.address.port
        if self.address.secure:
            tls = self._tls or ssl.create_default_context()
            return http.client.HTTPSConnection(host, port, timeout=CONNECT_MAX, context=tls)
        return http.client.HTTPConnection(host, port, timeout=CONNECT_MAX)

    def _unreachable(self, error: Exception) -> UnreachableError:
        return UnreachableError(f"cannot reach the server at {self.address}: {error or type(error).__name__}")


def has_something_to_read(sock: Any) -> bool:
    """Whether a socket has something to read, be it the end."""
    if sock is None:
        return True
    try:
        return bool(select.select([sock], [], [], 0)[0])
    except (OSError, ValueError):
        return True


def _headers(answer: http.client.HTTPResponse) -> dict[str, str]:
    return {name.lower(): value for name, value in answer.getheaders()}
