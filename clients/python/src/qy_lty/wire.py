"""Frames as text, and what may be believed of them."""

from __future__ import annotations

import json
from typing import Any, Final

from .errors import RequestFailed

MOST_BYTES: Final = 64 * 1024
"""The largest frame that a server takes."""

_MOST_SEQ: Final = 2**53 - 1
_MOST_NAME: Final = 256
_LONGEST_MS: Final = 3_600_000


def read_frame(text: str | bytes) -> dict[str, Any] | None:
    """Return what a text of the server says; None where that is no frame."""
    try:
        frame = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return frame if isinstance(frame, dict) and isinstance(frame.get("type"), str) else None


def read_seq(value: object) -> int | None:
    """Return a place in a log, a whole number from 0; None for anything else."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST_SEQ:
        return value
    return None


def read_name(value: object) -> str | None:
    """Return an epoch, a consumer or an id; None for anything else, and for what could not be said of it again."""
    return value if isinstance(value, str) and 0 < len(value) <= _MOST_NAME and value.isprintable() else None


def read_seconds(ms: object) -> float | None:
    """Return a duration that was said in milliseconds, an hour at most; None for anything else."""
    if isinstance(ms, bool) or not isinstance(ms, (int, float)) or not ms >= 0:
        return None
    return min(ms, _LONGEST_MS) / 1000


def encode(type: str, message: Any = None, id: str | None = None) -> str:
    """Return a frame to send. Raises RequestFailed for what no server takes."""
    frame: dict[str, Any] = {"type": type}
    if message is not None:
        frame["message"] = message
    if id is not None:
        frame["id"] = id
    text = json.dumps(frame, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    if len(text.encode("utf-8", "surrogatepass")) > MOST_BYTES:
        # A server would end the connection, and the client with it.
        raise RequestFailed({"code": "MESSAGE_TOO_LARGE", "message": "Message too large: a frame takes 64 KiB at most"})
    return text
