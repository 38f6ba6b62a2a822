"""What a worker says to its server, and how it comes back when the server has forgotten it."""

from __future__ import annotations

import contextlib
import logging
import ssl
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

from ._backoff import Backoff
from ._http import Transport
from ._wire import Answer, Request, encode, segment
from .errors import (
    ConflictError,
    FaenaError,
    GoneError,
    NotFoundError,
    RefusedError,
    UnexpectedAnswerError,
    UnreachableError,
)
from .job import Result
from .task import JobStoppedError, Report, Task

GRANTS_MAX = 100
"""Jobs that the server leases in one call at most."""

_log = logging.getLogger("faena.worker")


class StoppingError(FaenaError):
    """The worker was stopped while it waited for its server."""


class Link:
    """One worker's side of the conversation. Threads share it."""

    def __init__(self, url: str, key: str | None, tls: ssl.SSLContext | None) -> None:
        self._transport = Transport(url, key, tls)
        self._registration: dict[str, Any] = {}
        self._registering = threading.Lock()
        self._id: str | None = None
        self.stopping = threading.Event()
        """Set when the worker stops: nothing new is begun, and a server that is away is not waited for."""
        self.registered = threading.Event()
        """Set once the server knows the worker for the first time."""
        self.lease_seconds = 30.0
        self.heartbeat_seconds = 10.0

    def register(self, name: str, sub_types: Sequence[str], concurrency: int) -> None:
        """`POST /workers`. A server that is away is waited for."""
        self._registration = {"name": name, "subTypes": sorted(sub_types), "concurrency": concurrency}
        self._register_unless_known(None)

    def lease(self, room: int) -> tuple[list[Task], float]:
        """`POST /workers/{id}/lease`: jobs, and until when by this machine's clock they are leased at least.

        Whenever the server leased them while it held the request, it was not before the request was sent.
        """
        hold = max(1, int(self.lease_seconds / 3))
        with self._known() as worker_id:
            ends = time.monotonic() + self.lease_seconds
            answer = self._call(
                f"/workers/{worker_id}/lease", {"max": min(room, GRANTS_MAX), "waitSeconds": hold}, hold
            )
            return [Task(grant) for grant in answer.data()], ends
        return [], 0.0

    def report(self, reports: Sequence[Report]) -> tuple[Any, float] | None:
        """`POST /workers/{id}/reports`: the answers, and until when the leases last at least.

        Nothing when the server had forgotten the worker: it was registered anew, and the reports are to be repeated.
        """
        with self._known() as worker_id:
            ends = time.monotonic() + self.lease_seconds
            return self._call(f"/workers/{worker_id}/reports", {"reports": list(reports)}).data(), ends
        return None

    def upload(self, task: Task, result: Result) -> None:
        """`PUT /leases/{token}/result`: for as long as the lease lasts, as often as it takes."""
        path = f"/leases/{segment(task.lease_token)}/result"
        request = Request("PUT", path, {"Content-Type": result.content_type}, result.content)
        backoff = Backoff(float("inf"))
        while True:
            task.check()
            try:
                self._transport.exchange(request).checked()
                return
            except (NotFoundError, ConflictError, GoneError) as error:
                task.stop("stale")
                raise JobStoppedError("stale") from error
            except FaenaError as error:
                task.sleep(pause_before_next(backoff, error))

    def leave(self) -> None:
        """`DELETE /workers/{id}`: what is still held goes back to the queue. A server that is away finds out later."""
        if self._id is not None:
            with contextlib.suppress(FaenaError):
                self._transport.exchange(Request("DELETE", f"/workers/{segment(self._id)}"))
        self._transport.close()

    def _call(self, path: str, body: Any, hold: float = 0.0) -> Answer:
        return self._transport.exchange(Request("POST", path, body=encode(body, "replace"), hold=hold)).checked()

    @contextlib.contextmanager
    def _known(self) -> Iterator[str]:
        """The worker's id for one call. When the server does not know it, the worker is registered anew."""
        worker_id = self._id or ""
        try:
            yield segment(worker_id)
        except NotFoundError:
            _log.warning("the server has forgotten this worker")
            self._register_unless_known(worker_id)

    def _register_unless_known(self, forgotten: str | None) -> None:
        with self._registering:
            if self._id != forgotten:
                # Another thread was faster.
                return
            backoff = Backoff(float("inf"))
            while True:
                try:
                    data = self._call("/workers", self._registration).data()
                    break
                except FaenaError as error:
                    self.pause(backoff, error)
            try:
                self.lease_seconds, self.heartbeat_seconds = data["leaseSeconds"], data["heartbeatSeconds"]
                self._id = data["workerId"]
            except (KeyError, TypeError) as error:
                raise UnexpectedAnswerError(f"an answer that is no registration: {error!r}") from error
            _log.info("registered as %s", self._id)
            self.registered.set()

    def pause(self, backoff: Backoff, error: FaenaError) -> None:
        """Waits before the next try, or raises what there is no other try for."""
        pause = pause_before_next(backoff, error)
        _log.warning("%s; trying again in %.1f s", error, pause)
        if self.stopping.wait(pause):
            raise StoppingError("the worker is stopping") from error


def pause_before_next(backoff: Backoff, error: FaenaError) -> float:
    """Seconds before a worker's next try. Whatever the server's trouble is, it is got over; the rest is raised."""
    is_theirs = isinstance(error, RefusedError) and error.status >= 500
    pause = backoff.pause(UnreachableError(str(error)) if is_theirs else error)
    if pause is None:
        raise error
    return pause
