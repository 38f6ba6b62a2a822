"""Client and worker of faena, a background-job service.

from faena import Client

with Client("http://127.0.0.1:7700") as client:
    job = client.enqueue("sleep", {"durationMs": 3000})
    job = client.wait(job.id, on_progress=lambda job: print(job.progress, job.message))
    print(job.status, client.result(job).json())
"""

from ._calls import RetryPolicy
from .aio import AsyncClient
from .client import Client
from .errors import (
    ConflictError,
    FaenaError,
    FieldError,
    GoneError,
    InvalidRequestError,
    KeyRefusedError,
    NotFoundError,
    RefusedError,
    UnavailableError,
    UnexpectedAnswerError,
    UnreachableError,
    WaitTimeoutError,
)
from .job import Job, JobError, Priority, Result, Status
from .task import Failure, JobStoppedError, Task
from .worker import Worker

__all__ = [
    "AsyncClient",
    "Client",
    "ConflictError",
    "FaenaError",
    "Failure",
    "FieldError",
    "GoneError",
    "InvalidRequestError",
    "Job",
    "JobError",
    "JobStoppedError",
    "KeyRefusedError",
    "NotFoundError",
    "Priority",
    "RefusedError",
    "Result",
    "RetryPolicy",
    "Status",
    "Task",
    "UnavailableError",
    "UnexpectedAnswerError",
    "UnreachableError",
    "WaitTimeoutError",
    "Worker",
]
