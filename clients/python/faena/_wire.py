"""Requests and answers without a socket: what is sent, and how an answer is read."""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from .errors import FaenaError, FieldError, UnexpectedAnswerError, UnreachableError, refusal_class

ANSWER_MAX = 30.0
"""Seconds that an answer may take, besides what a long poll is asked to hold."""
CONNECT_MAX = 5.0
"""Seconds to open a connection. A server that is there answers in milliseconds."""
SILENCE_MAX = 60.0
"""Seconds that a stream may be silent; the server gives a sign of life several times as often."""
USER_AGENT = "faena-python/0.1"


@dataclass(frozen=True, slots=True)
class Request:
    """One request."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    hold: float = 0.0
    """Seconds that the server was asked to hold the answer."""

    @property
    def is_repeatable(self) -> bool:
        """Whether sending it twice does no more than sending it once."""
        return self.method == "GET" or "Idempotency-Key" in self.headers

    @property
    def time_limit(self) -> float:
        """Seconds after which nobody waits for the answer any more."""
        return self.hold + ANSWER_MAX


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. The names of its headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body, read as JSON."""
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise UnexpectedAnswerError(f"{self.status} with a body that is no JSON: {error}") from error

    def data(self) -> Any:
        """What an envelope holds."""
        envelope = self.json()
        if not isinstance(envelope, dict) or "data" not in envelope:
            raise UnexpectedAnswerError(f"{self.status} without `data`")
        return envelope["data"]

    def checked(self) -> Answer:
        """The answer itself, unless it is a refusal, which is raised."""
        if self.status < 400:
            return self
        raise self._refusal()

    def _refusal(self) -> FaenaError:
        try:
            envelope = json.loads(self.body)
            details = envelope.get("details", ())
            return refusal_class(self.status)(
                self.status,
                envelope["code"],
                envelope["error"],
                tuple(FieldError(detail["field"], detail["message"]) for detail in details),
                envelope.get("requestId"),
                _seconds(self.headers.get("retry-after")),
            )
        except (AttributeError, KeyError, TypeError, ValueError):
            if self.status in (502, 503, 504):
                return UnreachableError(f"a gateway answers {self.status}: the server behind it is away")
            return UnexpectedAnswerError(f"{self.status} without an error of the kind this service gives")


def _seconds(text: str | None) -> float | None:
    try:
        return None if text is None else max(0.0, float(text))
    except ValueError:
        # A date is allowed by HTTP; this service does not send one.
        return None


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server is."""

    secure: bool
    host: str
    port: int
    prefix: str

    @classmethod
    def parse(cls, url: str) -> Address:
        """Reads `http://host:port/prefix`."""
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ValueError(f"`{url}` is not the address of a server, such as http://127.0.0.1:7700")
        secure = parts.scheme == "https"
        return cls(secure, parts.hostname, parts.port or (443 if secure else 80), parts.path.rstrip("/"))

    @property
    def authority(self) -> str:
        """The value of the `Host` header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{'https' if self.secure else 'http'}://{self.authority}{self.prefix}"


def headers_of(request: Request, address: Address, key: str | None) -> dict[str, str]:
    """All headers to send."""
    headers = {"Host": address.authority, "User-Agent": USER_AGENT, "Accept-Encoding": "identity"}
    if key is not None:
        headers["Authorization"] = f"Bearer {key}"
    if request.body is not None:
        headers["Content-Type"] = "application/json"
    if request.body is not None or request.method in ("POST", "PUT"):
        headers["Content-Length"] = str(len(request.body or b""))
    headers.update(request.headers)
    return headers


def encode(value: Any, errors: Literal["strict", "replace"] = "strict") -> bytes:
    """JSON for the wire; a float that JSON does not know is refused here and not by the server.

    Text that is not Unicode, such as a file's name may be, is refused as well, or replaced.
    """
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode(errors=errors)


def segment(text: str) -> str:
    """A text as one segment of a path."""
    return urllib.parse.quote(text, safe="")
