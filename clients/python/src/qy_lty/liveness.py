"""Whether a connection is there, and whether its peer still answers."""

from __future__ import annotations

from typing import Final

from .wire import read_seconds

GREETING_S: Final = 20.0
"""A server has so long for its `connection_status`."""
PONG_S: Final = 10.0
"""A server has so long to answer a ping."""

_HEARTBEAT_S: Final = 30.0
_LEAST_HEARTBEAT_S: Final = 1.0


class Liveness:
    """One connection after another, from its opening to its end. Times are seconds."""

    def __init__(self) -> None:
        self._opened_at: float | None = None
        self._greeted_at: float | None = None
        self._heard_at = 0.0
        self._pinged_at: float | None = None
        self._heartbeat_s = _HEARTBEAT_S

    @property
    def is_online(self) -> bool:
        """Whether the server has greeted."""
        return self._greeted_at is not None

    def opened(self, now: float) -> None:
        """Note that the socket is open."""
        self._opened_at = self._heard_at = now

    def greeted(self, now: float, heartbeat_ms: object) -> None:
        """Note the greeting, and after how long a silence it wants to be asked."""
        self._greeted_at = now
        seconds = read_seconds(heartbeat_ms)
        self._heartbeat_s = max(_LEAST_HEARTBEAT_S, seconds) if seconds is not None else _HEARTBEAT_S

    def heard(self, now: float) -> None:
        """Note a sign of life."""
        self._heard_at, self._pinged_at = now, None

    def lost(self, now: float) -> float | None:
        """Note the end; returns how long the connection was good for, None where it never was."""
        connected_s = now - self._greeted_at if self._greeted_at is not None else None
        self._opened_at = self._greeted_at = self._pinged_at = None
        return connected_s

    def deadline(self) -> float | None:
        """Return until when the server may be silent."""
        if self._opened_at is None:
            return None
        if not self.is_online:
            return self._opened_at + GREETING_S
        return self._pinged_at + PONG_S if self._pinged_at is not None else self._heard_at + self._heartbeat_s

    def asks(self, now: float) -> bool:
        """Past the deadline: whether to send a ping. False: the server was asked in vain, or never greeted."""
        if not self.is_online or self._pinged_at is not None:
            return False
        self._pinged_at = now
        return True
