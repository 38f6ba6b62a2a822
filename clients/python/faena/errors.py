"""What a call can fail with. Everything is a `FaenaError`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .job import Job


class FaenaError(Exception):
    """The root of all errors of this package."""


class UnreachableError(FaenaError):
    """Nobody answers at that address, or the connection broke."""


class UnexpectedAnswerError(FaenaError):
    """The answer is not one of this service: another program listens there, or another version."""


@dataclass(frozen=True, slots=True)
class FieldError:
    """One field's complaint."""

    field: str
    message: str


class RefusedError(FaenaError):
    """The server understood the call and refused it."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        details: tuple[FieldError, ...] = (),
        request_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        self.status = status
        """The status code of HTTP."""
        self.code = code
        """The stable word for it, such as `invalid_request`."""
        self.message = message
        """One sentence."""
        self.details = details
        """The fields at fault."""
        self.request_id = request_id
        """What to name when asking the operator about it."""
        self.retry_after = retry_after
        """Seconds after which it is worth another try."""
        fields = "".join(f"; {detail.field}: {detail.message}" for detail in details)
        super().__init__(f"{message} ({status} {code}{fields})")


class InvalidRequestError(RefusedError):
    """400 or 422: the call itself is wrong, and `details` says where."""


class KeyRefusedError(RefusedError):
    """401 or 403: no key, a wrong one, or one that does not allow this."""


class NotFoundError(RefusedError):
    """404: there is no such thing, or it is not yours."""


class ConflictError(RefusedError):
    """409: it has already finished, or a key is taken."""


class GoneError(RefusedError):
    """410: it has passed its retention."""


class UnavailableError(RefusedError):
    """429 or 503: not now, nothing was accepted."""


_BY_STATUS: dict[int, type[RefusedError]] = {
    400: InvalidRequestError,
    401: KeyRefusedError,
    403: KeyRefusedError,
    404: NotFoundError,
    409: ConflictError,
    410: GoneError,
    422: InvalidRequestError,
    429: UnavailableError,
    503: UnavailableError,
}


def refusal_class(status: int) -> type[RefusedError]:
    """The class of a refusal with this status."""
    return _BY_STATUS.get(status, RefusedError)


class WaitTimeoutError(FaenaError, TimeoutError):
    """The job has not ended in the time that was given; it goes on."""

    def __init__(self, job: Job | None) -> None:
        self.job = job
        """The job as it was last seen."""
        known = "it was not seen" if job is None else f"job {job.id} is {job.status} at {job.progress} %"
        super().__init__(f"not ended in the given time: {known}")
