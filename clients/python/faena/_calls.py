"""The calls of the API: the request of each, and what its answer means. Both clients share them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, Literal
from urllib.parse import urlencode

from ._wire import Answer, Request, encode, segment
from .errors import UnexpectedAnswerError
from .job import Job, Priority, Result, Status

HOLD = 30.0
"""Seconds that one long poll is held by the server."""

Seconds = float | timedelta
"""A span of time: a number of seconds, or a `timedelta`."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """When and how often to try again; what is left out is the processor's own."""

    max_retries: int | None = None
    delay: Seconds | None = None
    exponential: bool | None = None
    max_delay: Seconds | None = None
    jitter: float | None = None

    def to_wire(self) -> dict[str, Any]:
        """The policy in the words of the API, which counts these spans in milliseconds."""
        return _without_none(
            maxRetries=self.max_retries,
            retryDelay=_milliseconds(self.delay),
            exponentialBackoff=self.exponential,
            maxDelay=_milliseconds(self.max_delay),
            jitter=self.jitter,
        )


def enqueue(
    sub_type: str,
    payload: Mapping[str, Any],
    *,
    type: str | None,
    priority: Priority | None,
    user_id: str | None,
    run_at: datetime | None,
    delay: Seconds | None,
    estimated_duration: str | None,
    timeout: Seconds | None,
    retry_policy: RetryPolicy | None,
    unique_key: str | None,
    unique_for: Literal["active"] | Seconds | None,
    concurrency_key: str | None,
    concurrency_limit: int | None,
    tags: Sequence[str] | None,
    expires_at: datetime | None,
    idempotency_key: str | None,
) -> Request:
    """`POST /jobs`. It always has an idempotency key, so that it may be repeated when no answer comes."""
    body = _without_none(
        subType=sub_type,
        payload=payload,
        type=type,
        priority=priority,
        userId=user_id,
        runAt=_moment(run_at),
        delaySeconds=_seconds(delay),
        estimatedDuration=estimated_duration,
        timeoutSeconds=_seconds(timeout),
        retryPolicy=retry_policy and retry_policy.to_wire(),
        uniqueKey=unique_key,
        uniqueFor=unique_for if isinstance(unique_for, str) else _seconds(unique_for),
        concurrencyKey=concurrency_key,
        concurrencyLimit=concurrency_limit,
        tags=None if tags is None else list(tags),
        expiresAt=_moment(expires_at),
    )
    return Request("POST", "/jobs", {"Idempotency-Key": idempotency_key or uuid.uuid4().hex}, encode(body))


def get(job_id: str) -> Request:
    """`GET /jobs/{id}`."""
    return Request("GET", f"/jobs/{segment(job_id)}")


def cancel(job_id: str) -> Request:
    """`DELETE /jobs/{id}`."""
    return Request("DELETE", f"/jobs/{segment(job_id)}")


def retry(job_id: str) -> Request:
    """`POST /jobs/{id}/retry`."""
    return Request("POST", f"/jobs/{segment(job_id)}/retry")


def result(job_id: str) -> Request:
    """`GET /jobs/{id}/result`."""
    return Request("GET", f"/jobs/{segment(job_id)}/result")


def events(job_id: str, last_event_id: str | None) -> Request:
    """`GET /jobs/{id}/events`."""
    headers = {"Accept": "text/event-stream"}
    if last_event_id is not None:
        headers["Last-Event-ID"] = last_event_id
    return Request("GET", f"/jobs/{segment(job_id)}/events", headers)


def result_of(answer: Answer) -> Result:
    """The result in an answer."""
    return Result(answer.body, answer.headers.get("content-type", "application/octet-stream"))


class Follower:
    """The long polls that follow one job to its end."""

    def __init__(self, job_id: str, *, each_change: bool) -> None:
        self._job_id = job_id
        self._each_change = each_change
        self._etag: str | None = None
        self.job: Job | None = None
        """The job as it was last seen."""

    def request(self, time_left: float) -> Request:
        """The next poll, held for no longer than this."""
        hold = int(max(0.0, min(HOLD, time_left)))
        path = f"/jobs/{segment(self._job_id)}"
        if not self._each_change:
            # Without a tag the server holds the answer until the job has ended.
            return Request("GET", f"{path}?wait={hold}", hold=hold)
        if self._etag is None:
            return Request("GET", path)
        return Request("GET", f"{path}?wait={hold}", {"If-None-Match": self._etag}, hold=hold)

    def take(self, answer: Answer) -> Job | None:
        """The job, if it is another than before."""
        if answer.status == 304:
            return None
        self._etag = answer.headers.get("etag")
        self.job = Job.from_wire(answer.json())
        return self.job


class Pages:
    """The requests of a list, page by page."""

    def __init__(self, path: str, **filters: Any) -> None:
        self._path = path
        self._query = urlencode(_without_none(**filters))
        self._cursor: str | None = None
        self.done = False
        """Whether the last page has been taken."""

    def request(self) -> Request:
        """The next page."""
        cursor = "" if self._cursor is None else urlencode({"cursor": self._cursor})
        query = "&".join(part for part in (self._query, cursor) if part)
        return Request("GET", f"{self._path}?{query}" if query else self._path)

    def take(self, answer: Answer) -> Iterator[Job]:
        """The jobs of a page. A page may be empty and yet not the last."""
        envelope = answer.json()
        try:
            pagination = envelope["pagination"]
            self._cursor = pagination.get("nextCursor")
            self.done = not pagination["hasMore"] or self._cursor is None
            return map(Job.from_wire, envelope["data"])
        except (AttributeError, KeyError, TypeError) as error:
            raise UnexpectedAnswerError(f"an answer that is no list: {error!r}") from error


def pages(
    *,
    status: Status | Sequence[Status] | None,
    type: str | None,
    sub_type: str | None,
    priority: Priority | None,
    user_id: str | None,
    tag: str | None,
    schedule_id: str | None,
    created_after: datetime | None,
    created_before: datetime | None,
    search: str | None,
    sort: str | None,
    page_size: int,
) -> Pages:
    """`GET /jobs`."""
    return Pages(
        "/jobs",
        status=status if isinstance(status, str) or status is None else ",".join(status),
        type=type,
        subType=sub_type,
        priority=priority,
        userId=user_id,
        tag=tag,
        scheduleId=schedule_id,
        createdAfter=_moment(created_after),
        createdBefore=_moment(created_before),
        q=search,
        sort=sort,
        limit=page_size,
    )


def _without_none(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _seconds(span: Seconds | None) -> float | None:
    return span.total_seconds() if isinstance(span, timedelta) else span


def _milliseconds(span: Seconds | None) -> int | None:
    seconds = _seconds(span)
    return None if seconds is None else round(seconds * 1000)


def _moment(time: datetime | None) -> str | None:
    if time is None:
        return None
    if time.tzinfo is None:
        raise ValueError("give the time a zone, such as datetime.now(timezone.utc)")
    return time.astimezone(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
