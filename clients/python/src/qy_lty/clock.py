"""Time, as a port: tests turn a clock of their own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol


class Timer(Protocol):
    """What is due later."""

    def cancel(self) -> None:
        """Let it never be due."""


class Clock(Protocol):
    """A clock that never goes back."""

    def now(self) -> float:
        """Return seconds since some moment."""

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> Timer:
        """Call back on the event loop after so long."""


class LoopClock:
    """The clock of the running event loop."""

    def now(self) -> float:
        """Return the loop's time."""
        return asyncio.get_running_loop().time()

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> Timer:
        """Call back by the loop."""
        return asyncio.get_running_loop().call_later(delay_s, callback)
