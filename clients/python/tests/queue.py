"""A server's side of the workers' calls, in memory: it hands out jobs and notes what becomes of them."""

from __future__ import annotations

import threading
from typing import Any

from .fake import FakeServer, Reply, Seen, refusal


class FakeQueue:
    """One queue, for one worker at a time."""

    def __init__(self, *, lease_seconds: float = 30, heartbeat_seconds: float = 10) -> None:
        self._terms = {"leaseSeconds": lease_seconds, "heartbeatSeconds": heartbeat_seconds}
        self._changed = threading.Condition()
        self._waiting: list[dict[str, Any]] = []
        self._grants = 0
        self._workers = 0
        self.known: str | None = None
        self.left = False
        self.reports: list[dict[str, Any]] = []
        self.uploads: dict[str, tuple[str, bytes]] = {}
        self.answers: dict[str, str] = {}
        """What to answer about a lease, if not `accepted`."""
        self.refuse: dict[str, Reply] = {}
        """What to answer to a request with such a kind of report."""
        self.refuse_once: dict[str, Reply] = {}
        """The same, for one request."""
        self.away = 0
        """So many requests with reports find nobody there."""
        self.server = FakeServer(self._answer)
        self.url = self.server.url

    def put(self, sub_type: str, payload: Any, **more: Any) -> str:
        """Queues a job; the token under which it will be leased."""
        with self._changed:
            self._grants += 1
            token = f"lease-{self._grants}"
            self._waiting.append(
                {
                    "leaseToken": token,
                    "leaseUntil": "2026-11-24T09:39:58.061Z",
                    "fencingToken": self._grants,
                    "jobId": f"job-{self._grants}",
                    "subType": sub_type,
                    "type": "test",
                    "priority": "normal",
                    "payload": payload,
                    "attempt": 1,
                    "maxAttempts": 3,
                    "state": None,
                    **more,
                }
            )
            self._changed.notify_all()
        return token

    def forget(self) -> None:
        """The server does not know its worker any more."""
        with self._changed:
            self.known = None
            self._changed.notify_all()

    def wait_for(self, kind: str, token: str | None = None) -> dict[str, Any]:
        """The first report of this kind, once it is there."""

        def first() -> dict[str, Any] | None:
            fits = (r for r in self.reports if r["kind"] == kind and token in (None, r["leaseToken"]))
            return next(fits, None)

        with self._changed:
            found = self._changed.wait_for(first, 20)
        if found is None:
            raise AssertionError(f"no report `{kind}` among {self.reports}")
        return found

    def kinds(self, token: str) -> list[str]:
        """The kinds of the reports about one lease, in order."""
        with self._changed:
            return [report["kind"] for report in self.reports if report["leaseToken"] == token]

    def close(self) -> None:
        self.forget()
        self.server.close()

    def _answer(self, seen: Seen) -> Reply:
        with self._changed:
            path = seen.path.split("/")[1:]
            if (seen.method, path) == ("POST", ["workers"]):
                self._workers += 1
                self.known = f"worker-{self._workers}"
                return Reply(201, {"data": {"workerId": self.known, **self._terms}})
            if seen.method == "PUT":
                self.uploads[path[1]] = (seen.headers["content-type"], seen.body)
                return Reply(204)
            if path[1] != self.known:
                return refusal(404, "not_found")
            if seen.method == "DELETE":
                self.left = True
                self._changed.notify_all()
                return Reply(204)
            return self._lease(seen.json()) if path[2] == "lease" else self._take(seen.json()["reports"])

    def _lease(self, body: dict[str, Any]) -> Reply:
        worker = self.known
        self._changed.wait_for(lambda: self._waiting or self.left or self.known != worker, body["waitSeconds"])
        if self.known != worker:
            return refusal(404, "not_found")
        granted, self._waiting = self._waiting[: body["max"]], self._waiting[body["max"] :]
        return Reply(200, {"data": granted})

    def _take(self, reports: list[dict[str, Any]]) -> Reply:
        if self.away > 0:
            self.away -= 1
            return Reply(drop=True)
        for report in reports:
            refused = self.refuse_once.pop(report["kind"], None) or self.refuse.get(report["kind"])
            if refused is not None:
                return refused
        self.reports += reports
        self._changed.notify_all()
        answers = [
            {"leaseToken": r["leaseToken"], "answer": self.answers.get(r["leaseToken"], "accepted"), "leaseUntil": None}
            for r in reports
        ]
        return Reply(200, {"data": answers})
