"""Whether a failed call is worth another try, and when."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from .errors import FaenaError, UnavailableError, UnreachableError

PAUSE_FIRST = 0.1
PAUSE_MAX = 5.0


class Backoff:
    """The pauses of one series of tries: doubled, jittered, never shorter than `Retry-After` says.

    The series is given up when its next try would come more than `patience` seconds after its first failure.
    """

    def __init__(
        self,
        patience: float,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._patience = patience
        self._clock = clock
        self._chance = chance
        self._tries = 0
        self._since: float | None = None

    def reset(self) -> None:
        """The other side has answered: what fails next begins a new series."""
        self._tries = 0
        self._since = None

    def pause(self, error: FaenaError) -> float | None:
        """Seconds to wait before the next try; none when there shall be no other."""
        if not isinstance(error, UnreachableError | UnavailableError):
            return None
        now = self._clock()
        if self._since is None:
            self._since = now
        ceiling = min(PAUSE_MAX, PAUSE_FIRST * 2 ** min(self._tries, 16))
        self._tries += 1
        # Between half and all of it: never at once, and no two callers in step.
        pause = ceiling * (1 + self._chance()) / 2
        if isinstance(error, UnavailableError) and error.retry_after is not None:
            pause += error.retry_after
        return pause if now + pause - self._since <= self._patience else None
