"""The leases that a worker holds: how long each lasts, what is to be said about it, and when there is room for more.

It knows neither sockets nor clocks: the worker brings both.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .errors import RefusedError, UnexpectedAnswerError
from .task import Report, Task

REPORTS_MAX = 100
"""Reports of one request, about."""
BYTES_MAX = 512 * 1024
"""Results that one request carries. A single larger one travels alone."""


@dataclass(slots=True)
class Lease:
    """One lease."""

    task: Task
    ends: float
    """When it ends by this machine's clock, never later than by the server's."""
    ending: Report | None = None
    """The report that ends it, once there is one."""
    size: int = 0
    """About how many bytes that report has."""
    refusals: int = 0
    """How often the server did not take what was to end it."""


class Hold:
    """All leases of one worker. Threads share it."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._leases: dict[str, Lease] = {}
        self._changed = threading.Condition()
        self._news = False
        self._endings = False
        self._closed = False

    def add(self, task: Task, ends: float) -> None:
        """A new lease."""
        with self._changed:
            self._leases[task.lease_token] = Lease(task, ends)

    def end(self, task: Task, ending: Report | None, size: int = 0) -> None:
        """The processor is done. Without a report there is nothing to say, and the lease is dropped."""
        with self._changed:
            lease = self._leases.get(task.lease_token)
            if lease is not None and ending is not None and task.stop_reason != "stale":
                lease.ending, lease.size = {"leaseToken": task.lease_token, **ending}, size
                self._news = self._endings = True
            else:
                self._leases.pop(task.lease_token, None)
            self._changed.notify_all()

    def told(self) -> None:
        """A processor has something to report."""
        with self._changed:
            self._news = True
            self._changed.notify_all()

    def close(self) -> None:
        """Nobody waits any more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def is_closed(self) -> bool:
        """Whether it was closed."""
        return self._closed

    def wait_for_room(self) -> int:
        """Waits until another lease fits; how many do. 0 when it was closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or len(self._leases) < self._room)
            return 0 if self._closed else self._room - len(self._leases)

    def wait_for_news(self, seconds: float) -> None:
        """Waits until there is something to report, at most so long."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._news, max(0.0, seconds))

    def wait_for_endings(self, seconds: float) -> None:
        """Waits until there is something to report that cannot wait, at most so long."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._endings, max(0.0, seconds))

    def wait_until_closed(self, seconds: float) -> None:
        """Waits until it is closed, at most so long."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed, max(0.0, seconds))

    def wait_until_empty(self, seconds: float) -> bool:
        """Waits until no lease is held, at most so long; whether that came true."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._leases, max(0.0, seconds))

    def stop_all(self) -> None:
        """Tells all processors to stop, because the worker does."""
        with self._changed:
            for lease in self._leases.values():
                lease.task.stop("draining")

    def reports(self, *, heartbeat: bool) -> list[Report]:
        """What is to be said now; with `heartbeat` something about every lease."""
        with self._changed:
            self._news = self._endings = False
            reports: list[Report] = []
            size = 0
            for token, lease in self._leases.items():
                if lease.task.stop_reason == "stale":
                    continue
                if len(reports) >= REPORTS_MAX or (size and size + lease.size > BYTES_MAX):
                    self._news = self._endings = True
                    break
                of_this = lease.task.take_reports()
                if lease.ending is not None:
                    of_this.append(lease.ending)
                    size += lease.size
                elif heartbeat and not of_this:
                    of_this.append({"leaseToken": token, "kind": "heartbeat"})
                reports += of_this
            return reports

    def answered(self, reports: Sequence[Report], answers: Any, ends: float) -> None:
        """The server's answers. What it accepted, it also took as a sign of life: that lease lasts until `ends`."""
        try:
            words = [answer["answer"] for answer in answers]
        except (KeyError, TypeError) as error:
            raise UnexpectedAnswerError(f"answers that are none: {error!r}") from error
        with self._changed:
            for report, word in zip(reports, words, strict=False):
                lease = self._leases.get(report["leaseToken"])
                if lease is None:
                    continue
                if word == "accepted":
                    lease.ends = ends
                else:
                    lease.task.stop("cancelled" if word == "cancelled" else "stale")
                if report is lease.ending or (word == "stale" and lease.ending is not None):
                    del self._leases[report["leaseToken"]]
            self._changed.notify_all()

    def unsent(self, reports: Sequence[Report]) -> None:
        """These did not reach the server: they are to be said again."""
        with self._changed:
            for report in reports:
                lease = self._leases.get(report["leaseToken"])
                if lease is not None:
                    lease.task.give_back(report)
            self._news = True

    def refused(self, report: Report, refusal: RefusedError) -> None:
        """The server will never take this report. If it was to end the job, a plainer one does: a job that never ends
        would be handed out again and again.
        """
        with self._changed:
            lease = self._leases.get(report["leaseToken"])
            if lease is None or report is not lease.ending:
                return
            lease.refusals += 1
            if lease.refusals > 2:
                # Nothing is left to say: the lease runs out.
                del self._leases[report["leaseToken"]]
            else:
                what, kind = ("result", "invalid_result") if report["kind"] == "complete" else ("failure", "error")
                error = {"message": f"the {what} was refused: {refusal.message}", "kind": kind, "retryable": False}
                lease.ending = {"leaseToken": report["leaseToken"], "kind": "fail", "error": error}
                lease.size = 0
                self._news = self._endings = True
            self._changed.notify_all()

    def expire(self, now: float) -> None:
        """Stops what is past the end of its lease: somebody else may have it by now."""
        with self._changed:
            for token, lease in list(self._leases.items()):
                if lease.ends <= now:
                    lease.task.stop("stale")
                    if lease.ending is not None:
                        del self._leases[token]
            self._changed.notify_all()
