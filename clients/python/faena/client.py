"""The client for code that waits by blocking."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Literal, TypeVar

from . import _calls
from ._backoff import Backoff
from ._calls import RetryPolicy, Seconds
from ._events import EventParser
from ._http import Transport
from ._wire import Answer, Request
from .errors import FaenaError, UnreachableError, WaitTimeoutError
from .job import Job, Priority, Result, Status

PATIENCE = 30.0
"""Seconds that a call goes on trying while the server is away or cannot take it; a restart takes a few."""

Self = TypeVar("Self", bound="Client")


class Client:
    """A client of one server. Threads may share it.

    Calls that may safely be repeated (everything that reads, and `enqueue`) are repeated for `patience` seconds
    while the server cannot be reached or answers 429 or 503.
    """

    def __init__(
        self,
        base_url: str,
        key: str | None = None,
        *,
        patience: float = PATIENCE,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._transport = Transport(base_url, key, tls)
        self._patience = patience

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections that are kept."""
        self._transport.close()

    def enqueue(
        self,
        sub_type: str,
        payload: Mapping[str, Any],
        *,
        type: str | None = None,
        priority: Priority | None = None,
        user_id: str | None = None,
        run_at: datetime | None = None,
        delay: Seconds | None = None,
        estimated_duration: str | None = None,
        timeout: Seconds | None = None,
        retry_policy: RetryPolicy | None = None,
        unique_key: str | None = None,
        unique_for: Literal["active"] | Seconds | None = None,
        concurrency_key: str | None = None,
        concurrency_limit: int | None = None,
        tags: Sequence[str] | None = None,
        expires_at: datetime | None = None,
        idempotency_key: str | None = None,
    ) -> Job:
        """Asks for a job. When this returns, the job is on disk.

        Two calls with the same `idempotency_key` make one job. Without one each call is its own job; when its
        answer is lost, it is asked for again and not made twice.
        """
        request = _calls.enqueue(
            sub_type,
            payload,
            type=type,
            priority=priority,
            user_id=user_id,
            run_at=run_at,
            delay=delay,
            estimated_duration=estimated_duration,
            timeout=timeout,
            retry_policy=retry_policy,
            unique_key=unique_key,
            unique_for=unique_for,
            concurrency_key=concurrency_key,
            concurrency_limit=concurrency_limit,
            tags=tags,
            expires_at=expires_at,
            idempotency_key=idempotency_key,
        )
        return Job.from_wire(self._call(request).data())

    def get(self, job_id: str) -> Job:
        """The job as it is now."""
        return Job.from_wire(self._call(_calls.get(job_id)).json())

    def wait(
        self,
        job_id: str,
        on_progress: Callable[[Job], object] | None = None,
        timeout: float | None = None,
    ) -> Job:
        """Waits until a job has ended, however it ends, and gives it as it ended.

        `on_progress` is called with the job as it is, and after each change. After `timeout` seconds
        `WaitTimeoutError` is raised; the job goes on.
        """
        follower = _calls.Follower(job_id, each_change=on_progress is not None)
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            time_left = _calls.HOLD if deadline is None else deadline - time.monotonic()
            if time_left <= 0 and follower.job is not None:
                raise WaitTimeoutError(follower.job)
            # A server that is away is not waited for longer than the job.
            patience = self._patience if deadline is None else max(0.0, min(self._patience, time_left))
            job = follower.take(self._call(follower.request(time_left), patience))
            if job is not None and on_progress is not None:
                on_progress(job)
            if job is not None and job.is_finished:
                return job
            if 0 < time_left < 1:
                # The server counts whole seconds, and this is the rest of the last one.
                time.sleep(min(time_left, 0.1))

    def watch(self, job_id: str) -> Iterator[Job]:
        """Every change of a job as it is told by the server, from how it is now to its end.

        A stream that breaks is taken up where it broke.
        """
        last_event_id: str | None = None
        backoff = Backoff(self._patience)
        while True:
            try:
                with self._transport.stream(_calls.events(job_id, last_event_id)) as (head, pieces):
                    if head.checked().status == 204:
                        return
                    parser = EventParser()
                    for event in (event for piece in pieces for event in parser.feed(piece)):
                        backoff.reset()
                        last_event_id = event.id
                        if event.name == "job":
                            job = Job.from_wire(json.loads(event.data))
                            yield job
                            if job.is_finished:
                                return
                raise UnreachableError("the stream ended before the job did")
            except FaenaError as error:
                _pause(backoff, error)

    def cancel(self, job_id: str) -> None:
        """Cancels a job: it never completes after this."""
        self._call(_calls.cancel(job_id))

    def retry(self, job_id: str) -> Job:
        """Queues a job that has failed or was cancelled once more."""
        return Job.from_wire(self._call(_calls.retry(job_id)).data())

    def result(self, job: Job | str) -> Result:
        """What a job made: by its id, or without another call from a job that carries it."""
        if isinstance(job, Job):
            if job.result_url is not None and job.result_url.startswith("data:"):
                return Result.from_data_url(job.result_url)
            job = job.id
        answer = self._call(_calls.result(job))
        if answer.status == 302:
            answer = self._transport.fetch(answer.headers["location"])
        return _calls.result_of(answer)

    def jobs(
        self,
        *,
        status: Status | Sequence[Status] | None = None,
        type: str | None = None,
        sub_type: str | None = None,
        priority: Priority | None = None,
        user_id: str | None = None,
        tag: str | None = None,
        schedule_id: str | None = None,
        created_after: datetime | None = None,
        created_before: datetime | None = None,
        search: str | None = None,
        sort: str | None = None,
        page_size: int = 100,
    ) -> Iterator[Job]:
        """All jobs that the conditions name. Pages are fetched as they are needed."""
        pages = _calls.pages(
            status=status,
            type=type,
            sub_type=sub_type,
            priority=priority,
            user_id=user_id,
            tag=tag,
            schedule_id=schedule_id,
            created_after=created_after,
            created_before=created_before,
            search=search,
            sort=sort,
            page_size=page_size,
        )
        while not pages.done:
            yield from pages.take(self._call(pages.request()))

    def _call(self, request: Request, patience: float | None = None) -> Answer:
        backoff = Backoff(self._patience if patience is None else patience)
        while True:
            try:
                return self._transport.exchange(request).checked()
            except FaenaError as error:
                if not request.is_repeatable:
                    raise
                _pause(backoff, error)


def _pause(backoff: Backoff, error: FaenaError) -> None:
    """Waits before the next try, or raises what there is no other try for."""
    pause = backoff.pause(error)
    if pause is None:
        raise error
    time.sleep(pause)
