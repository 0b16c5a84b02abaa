"""When to come back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from .wire import read_seconds

FIRST_S: Final = 1.0
LONGEST_S: Final = 30.0
STABLE_S: Final = 60.0
"""A connection that lasted so long ends the row of failures."""


class Backoff:
    """Capped full jitter: a random time of up to 1 s, 2 s, 4 s … 30 s, for ever; what a server asks for comes first."""

    def __init__(self, random: Callable[[], float]) -> None:
        self._random = random
        self._failures = 0
        self._hint: tuple[float, float] | None = None

    def asked(self, at_least_ms: object, at_most_ms: object = None) -> None:
        """Keep to what a `bye` or an error asks for the next time, milliseconds; nonsense is not listened to."""
        low = read_seconds(at_least_ms)
        if low is None:
            return
        self._hint = low, max(low, read_seconds(at_most_ms) or 0.0)

    def after(self, connected_s: float | None) -> float:
        """Return how long to wait, seconds, after a connection that was good for `connected_s`; None: it never was."""
        if connected_s is not None and connected_s >= STABLE_S:
            self._failures = 0
        longest = min(LONGEST_S, FIRST_S * 2.0 ** min(self._failures, 10))
        self._failures += 1
        if self._hint is None:
            return self._random() * longest
        low, high = self._hint
        self._hint = None
        # Without an upper end of theirs, spread as widely as without a hint.
        return low + self._random() * ((high - low) or longest)
