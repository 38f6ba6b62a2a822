"""A job in the hands of a worker: what its processor knows of it and may do with it."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Literal

from ._wire import encode
from .errors import FaenaError, UnexpectedAnswerError

Report = dict[str, Any]
"""What a worker says about one lease, in the words of the API."""

StopReason = Literal["cancelled", "stale", "draining"]

LINES_MAX = 1_000
"""Log lines of one job that wait to be sent; of more, the oldest are dropped."""

_NOTHING: Any = object()


class JobStoppedError(FaenaError):
    """The job is no longer this worker's to do. Let it pass: the worker knows what to make of it."""

    def __init__(self, reason: StopReason) -> None:
        self.reason = reason
        """`cancelled`: somebody cancelled it. `stale`: its lease is lost. `draining`: the worker is stopping."""
        super().__init__(f"the job was stopped: {reason}")


class Failure(Exception):
    """Raise it to fail a job with a kind of your own, or for good. Any other exception fails it as `error`."""

    def __init__(self, message: str, *, kind: str = "error", retryable: bool = True) -> None:
        self.message = message
        self.kind = kind
        self.retryable = retryable
        """Whether another try may help."""
        super().__init__(message)


class Task:
    """One try of one job."""

    def __init__(self, grant: Mapping[str, Any]) -> None:
        try:
            self.id: str = grant["jobId"]
            self.sub_type: str = grant["subType"]
            self.type: str = grant["type"]
            self.priority: str = grant["priority"]
            self.payload: Any = grant["payload"]
            self.attempt: int = grant["attempt"]
            """Number of this try, from 1."""
            self.max_attempts: int = grant["maxAttempts"]
            self.fencing_token: int = grant["fencingToken"]
            """Grows with each try of this job: a resource that keeps the highest one can refuse an older worker."""
            self.state: Any = grant.get("state")
            """What an earlier try saved last."""
            self.lease_token: str = grant["leaseToken"]
        except (KeyError, TypeError) as error:
            raise UnexpectedAnswerError(f"a lease that is none: {error!r}") from error
        self.on_news: Callable[[], None] = lambda: None
        """Called when there is something to report."""
        self._guard = threading.Lock()
        self._stop = threading.Event()
        self._reason: StopReason = "stale"
        self._progress: tuple[int, str | None] | None = None
        self._lines: deque[str] = deque(maxlen=LINES_MAX)
        self._saved: Any = _NOTHING

    def progress(self, percent: float, message: str | None = None) -> None:
        """Reports how far it is, 0 to 100. Raises `JobStoppedError` when the job was stopped."""
        self.check()
        with self._guard:
            self._progress = (min(100, max(0, int(percent))), None if message is None else str(message))
        self.on_news()

    def log(self, *lines: str) -> None:
        """Adds lines to the job's log."""
        with self._guard:
            self._lines.extend(map(str, lines))
        self.on_news()

    def save(self, state: Any) -> None:
        """Keeps a JSON value that the next try finds as `state`. Raises `JobStoppedError` when stopped."""
        self.check()
        # A copy: what the processor does with its own goes on while this is sent.
        saved = json.loads(encode(state))
        with self._guard:
            self._saved, self.state = saved, state
        self.on_news()

    def check(self) -> None:
        """Raises `JobStoppedError` when the job was stopped."""
        if self._stop.is_set():
            raise JobStoppedError(self._reason)

    def sleep(self, seconds: float) -> None:
        """Waits, and raises `JobStoppedError` as soon as the job is stopped."""
        self._stop.wait(seconds)
        self.check()

    @property
    def is_stopped(self) -> bool:
        """Whether the job was stopped, for code that would rather look than catch."""
        return self._stop.is_set()

    @property
    def stop_reason(self) -> StopReason | None:
        """Why it was stopped, if it was."""
        return self._reason if self._stop.is_set() else None

    def stop(self, reason: StopReason) -> None:
        """Tells the processor to stop. The first reason stands."""
        with self._guard:
            if not self._stop.is_set():
                self._reason = reason
                self._stop.set()

    def take_reports(self) -> list[Report]:
        """What was said since this was last asked, as reports. What was saved comes first."""
        with self._guard:
            reports: list[Report] = []
            if self._saved is not _NOTHING:
                reports.append({"kind": "state", "state": self._saved})
            if self._progress is not None:
                percent, message = self._progress
                progress = {"kind": "progress", "progress": percent}
                reports.append(progress if message is None else {**progress, "message": message})
            if self._lines:
                reports.append({"kind": "log", "lines": list(self._lines)})
            self._saved, self._progress = _NOTHING, None
            self._lines.clear()
        return [{"leaseToken": self.lease_token, **report} for report in reports]

    def give_back(self, report: Report) -> None:
        """Takes back a report that did not arrive, unless something newer is to be said."""
        with self._guard:
            if report["kind"] == "state" and self._saved is _NOTHING:
                self._saved = report["state"]
            elif report["kind"] == "progress" and self._progress is None:
                self._progress = (report["progress"], report.get("message"))
            elif report["kind"] == "log":
                self._lines = deque([*report["lines"], *self._lines], maxlen=LINES_MAX)
