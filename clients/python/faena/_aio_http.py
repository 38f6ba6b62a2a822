"""HTTP on the streams of asyncio: as much of it as this service speaks, with connections that are kept."""

from __future__ import annotations

import asyncio
import ssl
import urllib.parse
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from ._http import has_something_to_read
from ._wire import ANSWER_MAX, CONNECT_MAX, SILENCE_MAX, Address, Answer, Request, headers_of
from .errors import FaenaError, UnexpectedAnswerError, UnreachableError

IDLE_MAX = 8
"""Connections that are kept; more than this many callers at once open new ones."""
HEADERS_MAX = 200
"""Lines of one answer's head, beyond which it is not one of this service."""

_BROKEN = (OSError, EOFError, asyncio.TimeoutError, ValueError)
"""How a connection fails: `ValueError` is a head that is no HTTP, or one line without end."""


class Connection:
    """One connection, with at most one request on its way."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.is_reusable = False
        """Whether the last answer was read to its end and the other side goes on."""

    async def send(self, request: Request, address: Address, key: str | None) -> None:
        """Writes a request."""
        lines = [f"{request.method} {address.prefix}{request.path} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in headers_of(request, address, key).items()]
        if any("\r" in line or "\n" in line for line in lines):
            raise UnexpectedAnswerError("a header may not hold a line break")
        self.writer.write("\r\n".join([*lines, "", ""]).encode("latin-1") + (request.body or b""))
        await self.writer.drain()

    async def head(self) -> tuple[int, dict[str, str]]:
        """Reads the status and the headers of an answer."""
        version, _, rest = (await self._line()).partition(" ")
        if not version.startswith("HTTP/1."):
            raise ValueError("it does not speak HTTP")
        status = int(rest[:3])
        headers: dict[str, str] = {}
        for _ in range(HEADERS_MAX):
            line = await self._line()
            if not line:
                return status, headers
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        raise ValueError("its head has no end")

    async def pieces(self, status: int, headers: Mapping[str, str]) -> AsyncIterator[bytes]:
        """Reads the body of an answer, piece by piece as it comes."""
        keeps = headers.get("connection", "").lower() != "close"
        if status in (204, 304):
            self.is_reusable = keeps
        elif headers.get("transfer-encoding", "").lower() == "chunked":
            while size := int((await self._line()).split(";")[0], 16):
                yield await self.reader.readexactly(size)
                await self.reader.readexactly(2)
            while await self._line():
                pass
            self.is_reusable = keeps
        elif "content-length" in headers:
            left = int(headers["content-length"])
            while left:
                piece = await self.reader.read(min(left, 65_536))
                if not piece:
                    raise EOFError("the answer broke off")
                left -= len(piece)
                yield piece
            self.is_reusable = keeps
        else:
            while piece := await self.reader.read(65_536):
                yield piece

    async def _line(self) -> str:
        line = await self.reader.readline()
        if not line.endswith(b"\n"):
            raise EOFError("the connection was closed")
        return line.decode("latin-1").rstrip("\r\n")

    def close(self) -> None:
        """Closes it."""
        self.writer.close()


class Transport:
    """Sends requests to one server."""

    def __init__(self, url: str, key: str | None, tls: ssl.SSLContext | None) -> None:
        self.address = Address.parse(url)
        self._key = key
        self._tls = tls
        self._idle: list[Connection] = []
        self._closed = False

    async def exchange(self, request: Request) -> Answer:
        """Sends a request and reads all of its answer, whatever its status."""
        connection = await self._take()
        try:
            answer = await asyncio.wait_for(self._answer(connection, request), request.time_limit)
        except _BROKEN as error:
            raise self._unreachable(error) from error
        finally:
            self._give_back(connection)
        return answer

    @asynccontextmanager
    async def stream(self, request: Request) -> AsyncIterator[tuple[Answer, AsyncIterator[bytes]]]:
        """Sends a request whose answer goes on: its head, and its pieces as they come.

        A refusal has its whole body in the head, and no pieces.
        """
        connection = await self._connect(self.address)
        try:
            await connection.send(request, self.address, self._key)
            status, headers = await asyncio.wait_for(connection.head(), request.time_limit)
            pieces = connection.pieces(status, headers)
            body = b"" if status == 200 else b"".join([piece async for piece in pieces])
            yield Answer(status, headers, body), self._heard(pieces)
        except _BROKEN as error:
            raise self._unreachable(error) from error
        finally:
            connection.close()

    async def fetch(self, url: str) -> Answer:
        """Fetches something from elsewhere. The other place is not ours: it is not told the key."""
        parts = urllib.parse.urlsplit(url)
        place = Address.parse(f"{parts.scheme}://{parts.netloc}")
        path = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        connection = await self._connect(place)
        try:
            await connection.send(Request("GET", path), place, None)
            answer = await asyncio.wait_for(self._read(connection), ANSWER_MAX)
        except _BROKEN as error:
            raise UnreachableError(f"cannot fetch {url}: {error}") from error
        finally:
            connection.close()
        if answer.status != 200:
            raise UnreachableError(f"cannot fetch {url}: it answers {answer.status}")
        return answer

    def close(self) -> None:
        """Closes the connections that are not in use, and keeps none from now on."""
        self._closed = True
        while self._idle:
            self._idle.pop().close()

    async def _answer(self, connection: Connection, request: Request) -> Answer:
        connection.is_reusable = False
        await connection.send(request, self.address, self._key)
        return await self._read(connection)

    async def _read(self, connection: Connection) -> Answer:
        status, headers = await connection.head()
        body = b"".join([piece async for piece in connection.pieces(status, headers)])
        return Answer(status, headers, body)

    async def _heard(self, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        while True:
            try:
                yield await asyncio.wait_for(anext(pieces), SILENCE_MAX)
            except StopAsyncIteration:
                return

    async def _take(self) -> Connection:
        while self._idle:
            connection = self._idle.pop()
            # Nothing was asked: what there is to read is its end, which the loop need not have noticed yet.
            sock = connection.writer.get_extra_info("socket")
            is_over = connection.reader.at_eof() or connection.writer.is_closing()
            if not is_over and not has_something_to_read(sock):
                return connection
            connection.close()
        return await self._connect(self.address)

    def _give_back(self, connection: Connection) -> None:
        if connection.is_reusable and not self._closed and len(self._idle) < IDLE_MAX:
            self._idle.append(connection)
        else:
            connection.close()

    async def _connect(self, place: Address) -> Connection:
        tls = (self._tls or ssl.create_default_context()) if place.secure else None
        try:
            opening = asyncio.open_connection(place.host, place.port, ssl=tls)
            return Connection(*await asyncio.wait_for(opening, CONNECT_MAX))
        except _BROKEN as error:
            raise self._unreachable(error) from error

    def _unreachable(self, error: Exception) -> FaenaError:
        return UnreachableError(f"cannot reach the server at {self.address}: {error or type(error).__name__}")
