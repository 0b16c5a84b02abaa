"""What the protocol tells its shell: what happened, and what is to be done about a connection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .errors import LtyError, Stopped


@dataclass(frozen=True)
class Greeted:
    """The connection is there: `connection_status`."""

    frame: dict[str, Any]


@dataclass(frozen=True)
class Answered:
    """A request has its reply."""

    id: str
    frame: dict[str, Any]


@dataclass(frozen=True)
class Refused:
    """A request has failed."""

    id: str
    error: LtyError


@dataclass(frozen=True)
class Told:
    """The server said something of its own: no message, and no reply."""

    frame: dict[str, Any]


@dataclass(frozen=True)
class PlaceMoved:
    """The place changed by itself, and is to be saved."""


Event = Greeted | Told | Answered | Refused | PlaceMoved


@dataclass(frozen=True)
class Closing:
    """The connection is to be closed, or where `abort` says so, dropped: its peer does not answer."""

    reason: str
    abort: bool


@dataclass(frozen=True)
class Retry:
    """Come back after so long."""

    delay_s: float


@dataclass(frozen=True)
class Stop:
    """Do not come back."""

    error: Stopped
