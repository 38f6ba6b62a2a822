"""A worker: it leases jobs from a server, runs them on threads, and tells the server how they do."""

from __future__ import annotations

import contextlib
import logging
import queue
import signal
import socket
import ssl
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from ._backoff import Backoff
from ._hold import Hold
from ._link import Link, StoppingError, pause_before_next
from ._wire import encode
from .errors import FaenaError, RefusedError
from .job import Result
from .task import Failure, JobStoppedError, Report, Task

Processor = Callable[[Task], Any]
P = TypeVar("P", bound=Processor)

REPORT_EVERY = 0.1
"""Seconds between two requests with progress and log lines. The end of a job does not wait for it."""
INLINE_MAX = 256 * 1024
"""Bytes of JSON up to which a result travels in its report; a larger one is uploaded before it."""
STOPPING = 2.0
"""Seconds that processors have to stop once the grace time is over."""

_log = logging.getLogger("faena.worker")


class Worker:
    """A worker of one server.

    Register processors with `processor`, then `run`. A processor gets a `Task` and returns a JSON value, a `Result`
    or nothing; what it raises fails the job. It may run again for the same job, after a crash or a lost lease.
    """

    def __init__(
        self,
        base_url: str,
        name: str | None = None,
        concurrency: int = 1,
        key: str | None = None,
        *,
        grace: float = 30.0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._link = Link(base_url, key, tls)
        self._name = name or socket.gethostname()
        self._concurrency = concurrency
        self._grace = grace
        self._processors: dict[str, Processor] = {}
        self._hold = Hold(concurrency)
        self._todo: queue.SimpleQueue[Task] = queue.SimpleQueue()
        self._hurry = threading.Event()
        self._trouble: Exception | None = None

    def processor(self, sub_type: str) -> Callable[[P], P]:
        """Registers the decorated function for jobs of this subtype."""

        def register(function: P) -> P:
            self._processors[sub_type] = function
            return function

        return register

    def run(self) -> None:
        """Works until `stop` is called, or SIGTERM or SIGINT arrives.

        Jobs that run then may finish within the grace time; the rest goes back to the queue, with what it saved.
        A server that is away is waited for. Signals are heard when this is called from the main thread.
        """
        if not self._processors:
            raise ValueError("a worker without processors has nothing to do; register one with @worker.processor")
        with self._signals():
            try:
                self._link.register(self._name, list(self._processors), self._concurrency)
                for loop in (self._lease_jobs, self._report, self._expire, *[self._run_jobs] * self._concurrency):
                    threading.Thread(target=self._guarded, args=(loop,), daemon=True).start()
                self._link.stopping.wait()
                self._drain()
            except StoppingError:
                pass
            finally:
                self._hold.close()
                self._link.leave()
        if self._trouble is not None:
            raise self._trouble

    def wait_until_registered(self, timeout: float | None = None) -> bool:
        """Waits, in another thread than that of `run`, until the server knows the worker: its jobs are accepted
        from then on. False after `timeout` seconds.
        """
        return self._link.registered.wait(timeout)

    def stop(self) -> None:
        """Asks the worker to stop; asked twice, it does not wait for what runs. Any thread may ask."""
        if self._link.stopping.is_set():
            self._hurry.set()
        self._link.stopping.set()

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        numbers = (signal.SIGTERM, signal.SIGINT)
        before = [signal.signal(number, lambda *_: self.stop()) for number in numbers]
        try:
            yield
        finally:
            for number, handler in zip(numbers, before, strict=True):
                signal.signal(number, handler)

    def _guarded(self, loop: Callable[[], None]) -> None:
        """Runs one of the loops. What it cannot go on from ends the worker."""
        try:
            loop()
        except StoppingError:
            pass
        except Exception as error:
            self._trouble = error
            self._hurry.set()
            self._link.stopping.set()

    def _lease_jobs(self) -> None:
        backoff = Backoff(float("inf"))
        while not self._link.stopping.is_set() and (room := self._hold.wait_for_room()):
            try:
                tasks, ends = self._link.lease(room)
            except FaenaError as error:
                self._link.pause(backoff, error)
                continue
            backoff.reset()
            for task in tasks:
                self._take(task, ends)

    def _take(self, task: Task, ends: float) -> None:
        task.on_news = self._hold.told
        self._hold.add(task, ends)
        if self._link.stopping.is_set() or task.sub_type not in self._processors:
            self._hold.end(task, {"kind": "release"})
        else:
            self._todo.put(task)

    def _run_jobs(self) -> None:
        while True:
            task = self._todo.get()
            ending, size = self._ending_of(task)
            self._hold.end(task, ending, size)

    def _ending_of(self, task: Task) -> tuple[Report | None, int]:
        """Runs a job; the report that ends it, and about how large that is."""
        try:
            task.check()
            return self._completion(task, self._processors[task.sub_type](task))
        except JobStoppedError as stop:
            # Of a lost lease there is nothing to say. The rest is given back; a cancelled job ends with that.
            return (None if stop.reason == "stale" else {"kind": "release"}), 0
        except Failure as failure:
            return _failure(failure.message or failure.kind, failure.kind, failure.retryable), 0
        except BaseException as error:
            # Not even sys.exit ends a thread that has others to serve.
            message = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            return _failure(message, "error", True), 0

    def _completion(self, task: Task, result: Any) -> tuple[Report, int]:
        if result is None:
            return {"kind": "complete"}, 0
        if not isinstance(result, Result):
            content = encode(result)
            if len(content) <= INLINE_MAX:
                return {"kind": "complete", "result": result}, len(content)
            result = Result(content, "application/json")
        self._link.upload(task, result)
        return {"kind": "complete"}, 0

    def _report(self) -> None:
        backoff = Backoff(float("inf"))
        heartbeat_at = time.monotonic() + self._link.heartbeat_seconds
        while not self._hold.is_closed:
            self._hold.wait_for_news(heartbeat_at - time.monotonic())
            now = time.monotonic()
            reports = self._hold.reports(heartbeat=now >= heartbeat_at)
            if reports and not self._send(reports, backoff):
                continue
            if now >= heartbeat_at:
                heartbeat_at = now + self._link.heartbeat_seconds
            # Progress is gathered for a moment; the end of a job is not kept waiting.
            self._hold.wait_for_endings(REPORT_EVERY)

    def _send(self, reports: list[Report], backoff: Backoff) -> bool:
        """Sends reports; whether they are settled. Those that are not will be said again."""
        try:
            answered = self._link.report(reports)
        except RefusedError as refusal:
            if refusal.status in (400, 413, 422):
                return self._send_apart(reports, refusal, backoff)
            self._wait(reports, refusal, backoff)
            return False
        except FaenaError as error:
            self._wait(reports, error, backoff)
            return False
        if answered is None:
            self._hold.unsent(reports)
            return False
        self._hold.answered(reports, *answered)
        backoff.reset()
        return True

    def _send_apart(self, reports: list[Report], refusal: RefusedError, backoff: Backoff) -> bool:
        """One of the reports is refused for what it says; the others must not suffer for it."""
        if len(reports) > 1:
            return all([self._send([report], backoff) for report in reports])
        _log.warning("a report of kind %s was refused: %s", reports[0]["kind"], refusal)
        self._hold.refused(reports[0], refusal)
        return True

    def _wait(self, reports: list[Report], error: FaenaError, backoff: Backoff) -> None:
        self._hold.unsent(reports)
        pause = pause_before_next(backoff, error)
        _log.warning("%s; reports are kept for %.1f s", error, pause)
        # Jobs that end now have to wait as well: whoever is away does not hear them either.
        time.sleep(min(pause, self._link.heartbeat_seconds))

    def _expire(self) -> None:
        """Stops jobs just before their leases end. It does not wait for the network, whatever that does."""
        tick = self._link.lease_seconds / 30
        while not self._hold.is_closed:
            self._hold.expire(time.monotonic() + 2 * tick)
            self._hold.wait_until_closed(tick)

    def _drain(self) -> None:
        deadline = time.monotonic() + self._grace
        while not self._hold.wait_until_empty(0.1):
            if self._hurry.is_set() or time.monotonic() >= deadline:
                self._hold.stop_all()
                self._hold.wait_until_empty(STOPPING)
                return


def _failure(message: str, kind: str, retryable: bool) -> Report:
    trace = traceback.format_exc()
    return {
        "kind": "fail",
        "error": {"message": message, "kind": kind, "stackTrace": trace, "retryable": retryable},
    }
