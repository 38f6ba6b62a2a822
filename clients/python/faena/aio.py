"""The client for code on an asyncio loop. It has the calls of `Client`, to be awaited."""

from __future__ import annotations

import asyncio
import inspect
import json
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Literal, TypeVar

from . import _calls
from ._aio_http import Transport
from ._backoff import Backoff
from ._calls import RetryPolicy, Seconds
from ._events import EventParser
from ._wire import Answer, Request
from .client import PATIENCE
from .errors import FaenaError, UnreachableError, WaitTimeoutError
from .job import Job, Priority, Result, Status

Self = TypeVar("Self", bound="AsyncClient")


class AsyncClient:
    """A client of one server, for tasks of one event loop. It repeats calls as `Client` does."""

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

    async def __aenter__(self: Self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections that are kept."""
        self._transport.close()

    async def enqueue(
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
        """Asks for a job; see `Client.enqueue`."""
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
        return Job.from_wire((await self._call(request)).data())

    async def get(self, job_id: str) -> Job:
        """The job as it is now."""
        return Job.from_wire((await self._call(_calls.get(job_id))).json())

    async def wait(
        self,
        job_id: str,
        on_progress: Callable[[Job], Awaitable[object] | object] | None = None,
        timeout: float | None = None,
    ) -> Job:
        """Waits until a job has ended; see `Client.wait`. `on_progress` may be a coroutine function."""
        follower = _calls.Follower(job_id, each_change=on_progress is not None)
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            time_left = _calls.HOLD if deadline is None else deadline - time.monotonic()
            if time_left <= 0 and follower.job is not None:
                raise WaitTimeoutError(follower.job)
            patience = self._patience if deadline is None else max(0.0, min(self._patience, time_left))
            job = follower.take(await self._call(follower.request(time_left), patience))
            if job is not None and on_progress is not None:
                told = on_progress(job)
                if inspect.isawaitable(told):
                    await told
            if job is not None and job.is_finished:
                return job
            if 0 < time_left < 1:
                # The server counts whole seconds, and this is the rest of the last one.
                await asyncio.sleep(min(time_left, 0.1))

    async def watch(self, job_id: str) -> AsyncIterator[Job]:
        """Every change of a job, from how it is now to its end; see `Client.watch`."""
        last_event_id: str | None = None
        backoff = Backoff(self._patience)
        while True:
            try:
                async with self._transport.stream(_calls.events(job_id, last_event_id)) as (head, pieces):
                    if head.checked().status == 204:
                        return
                    parser = EventParser()
                    async for piece in pieces:
                        for event in parser.feed(piece):
                            backoff.reset()
                            last_event_id = event.id
                            if event.name == "job":
                                job = Job.from_wire(json.loads(event.data))
                                yield job
                                if job.is_finished:
                                    return
                raise UnreachableError("the stream ended before the job did")
            except FaenaError as error:
                await _pause(backoff, error)

    async def cancel(self, job_id: str) -> None:
        """Cancels a job: it never completes after this."""
        await self._call(_calls.cancel(job_id))

    async def retry(self, job_id: str) -> Job:
        """Queues a job that has failed or was cancelled once more."""
        return Job.from_wire((await self._call(_calls.retry(job_id))).data())

    async def result(self, job: Job | str) -> Result:
        """What a job made; see `Client.result`."""
        if isinstance(job, Job):
            if job.result_url is not None and job.result_url.startswith("data:"):
                return Result.from_data_url(job.result_url)
            job = job.id
        answer = await self._call(_calls.result(job))
        if answer.status == 302:
            answer = await self._transport.fetch(answer.headers["location"])
        return _calls.result_of(answer)

    async def jobs(
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
    ) -> AsyncIterator[Job]:
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
            for job in pages.take(await self._call(pages.request())):
                yield job

    async def _call(self, request: Request, patience: float | None = None) -> Answer:
        backoff = Backoff(self._patience if patience is None else patience)
        while True:
            try:
                return (await self._transport.exchange(request)).checked()
            except FaenaError as error:
                if not request.is_repeatable:
                    raise
                await _pause(backoff, error)


async def _pause(backoff: Backoff, error: FaenaError) -> None:
    """Waits before the next try, or raises what there is no other try for."""
    pause = backoff.pause(error)
    if pause is None:
        raise error
    await asyncio.sleep(pause)
