"""How the connection is, for whoever shows it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from .errors import one_line

logger = logging.getLogger("qy_lty")


@dataclass(frozen=True)
class State:
    """How the connection is."""

    name: Literal["connecting", "connected", "waiting", "closed"]
    delay_s: float | None = None
    """`waiting`: it tries again after so long."""
    close_code: int | None = None
    """`closed`: what the server closed with; None: the program did."""


class States:
    """Who wants to know."""

    def __init__(self) -> None:
        self._listeners: list[Callable[[State], None]] = []

    def add(self, listener: Callable[[State], None]) -> Callable[[State], None]:
        """Add a listener, and return it."""
        self._listeners.append(listener)
        return listener

    def enter(self, state: State) -> None:
        """Tell everybody. What one raises is logged, and no other one's concern."""
        for listener in self._listeners:
            try:
                listener(state)
            except Exception as error:
                logger.error("a listener of the state failed: %s", one_line(f"{type(error).__name__}: {error}"))
