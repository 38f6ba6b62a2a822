"""A job as the server shows it, and what it left behind."""

from __future__ import annotations

import base64
import json
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from .errors import UnexpectedAnswerError

Status = Literal["queued", "started", "progress", "completed", "failed", "cancelled"]
Priority = Literal["high", "normal", "low"]

_TERMINAL = frozenset({"completed", "failed", "cancelled"})


@dataclass(frozen=True, slots=True)
class JobError:
    """What went wrong in a job."""

    kind: str
    message: str
    stack_trace: str | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """A job. A field that the answer at hand does not have is `None`."""

    id: str
    status: Status
    type: str
    sub_type: str
    priority: Priority
    progress: int
    created_at: datetime
    message: str | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    run_at: datetime | None = None
    estimated_duration: str | None = None
    estimated_remaining_seconds: int | None = None
    result_url: str | None = None
    error: JobError | None = None
    attempt: int = 0
    max_attempts: int | None = None
    user_id: str | None = None
    tags: tuple[str, ...] = ()
    schedule_id: str | None = None
    duration_ms: int | None = None
    machine_name: str | None = None
    process_id: int | None = None
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)
    """The job in the server's own words, with what a newer server says besides."""

    @property
    def is_finished(self) -> bool:
        """Whether it will never change again, unless somebody retries it."""
        return self.status in _TERMINAL

    @classmethod
    def from_wire(cls, data: Mapping[str, Any]) -> Job:
        """Reads a job from the server's JSON."""
        try:
            error = data.get("error")
            return cls(
                id=data["jobId"],
                status=data["status"],
                type=data["type"],
                sub_type=data["subType"],
                priority=data["priority"],
                progress=data["progress"],
                created_at=_required_moment(data["createdAt"]),
                message=data.get("message"),
                started_at=moment(data.get("startedAt")),
                completed_at=moment(data.get("completedAt")),
                run_at=moment(data.get("runAt")),
                estimated_duration=data.get("estimatedDuration"),
                estimated_remaining_seconds=data.get("estimatedRemainingSeconds"),
                result_url=data.get("resultUrl"),
                error=error and JobError(error["kind"], error["message"], error.get("stackTrace")),
                attempt=data.get("attempt", 0),
                max_attempts=data.get("maxAttempts"),
                user_id=data.get("userId"),
                tags=tuple(data.get("tags", ())),
                schedule_id=data.get("scheduleId"),
                duration_ms=data.get("durationMs"),
                machine_name=data.get("machineName"),
                process_id=data.get("processId"),
                raw=data,
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise UnexpectedAnswerError(f"an answer that is no job: {error!r}") from error


@dataclass(frozen=True, slots=True)
class Result:
    """What a job made."""

    content: bytes
    content_type: str = "application/octet-stream"

    def text(self) -> str:
        """The result as text, in the charset that its content type names, or UTF-8."""
        for parameter in self.content_type.split(";")[1:]:
            name, _, value = parameter.strip().partition("=")
            if name.lower() == "charset":
                return self.content.decode(value.strip('"'))
        return self.content.decode()

    def json(self) -> Any:
        """The result read as JSON."""
        return json.loads(self.content)

    @classmethod
    def from_data_url(cls, url: str) -> Result:
        """Decodes a `data:` URL."""
        head, comma, data = url.removeprefix("data:").partition(",")
        if not url.startswith("data:") or not comma:
            raise ValueError("not a data: URL")
        content = urllib.parse.unquote_to_bytes(data)
        if head.endswith(";base64"):
            head = head.removesuffix(";base64")
            content = base64.b64decode(content, validate=True)
        return cls(content, head or "text/plain;charset=US-ASCII")


def moment(text: str | None) -> datetime | None:
    """A time of the wire, or `None`."""
    return None if text is None else _required_moment(text)


def _required_moment(text: str) -> datetime:
    # Python 3.10 does not read the `Z`.
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
