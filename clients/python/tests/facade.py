"""Both clients with the same face, so that one test is a test of both."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

from faena import AsyncClient, Job


class Awaited:
    """The asynchronous client, each of whose calls is waited for."""

    def __init__(self, *args: Any, **named: Any) -> None:
        self._loop = asyncio.new_event_loop()
        self._client = AsyncClient(*args, **named)

    def __enter__(self) -> Awaited:
        return self

    def __exit__(self, *_: Any) -> None:
        self._client.close()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._client, name)
        if name in ("jobs", "watch"):
            return lambda *args, **named: self._iterate(call(*args, **named))
        return lambda *args, **named: self._loop.run_until_complete(call(*args, **named))

    def _iterate(self, jobs: Any) -> Iterator[Job]:
        while True:
            try:
                yield self._loop.run_until_complete(anext(jobs))
            except StopAsyncIteration:
                return
