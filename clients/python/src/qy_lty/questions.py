"""What a program asks and says: bounded, in order, and asked again where a connection broke."""

from __future__ import annotations

import secrets
from collections import deque
from dataclasses import dataclass
from typing import Any, Final

from .errors import LtyError, OutboxFull, RequestFailed, RequestTimedOut
from .outcomes import Answered, Refused
from .wire import encode

ONLINE_FACTOR: Final = 10
"""So many times the outbox's limit may be under way while there is a connection."""


@dataclass
class _Asked:
    type: str
    text: str
    until: float | None


class Questions:
    """Requests under way, and frames that wait to be sent. Times are seconds."""

    def __init__(self, limit: int) -> None:
        self.prefix = f"{secrets.token_hex(6)}-"
        """What the ids of this client begin with."""
        self._limit = limit
        self._outbox: deque[tuple[str, str | None]] = deque()
        self._asked: dict[str, _Asked] = {}
        self._asks = 0

    def say(self, type: str, message: Any, is_online: bool) -> None:
        """Queue a frame that asks for no reply. Raises OutboxFull, and RequestFailed for what no server takes."""
        self._room(is_online)
        self._outbox.append((encode(type, message), None))

    def ask(self, type: str, message: Any, until: float | None, is_online: bool) -> str:
        """Queue a frame and await its reply; returns its id. Raises as `say`."""
        self._room(is_online)
        self._asks += 1
        id = f"{self.prefix}{self._asks}"
        text = encode(type, message, id)
        self._asked[id] = _Asked(type, text, until)
        self._outbox.append((text, id))
        return id

    def forget(self, id: str) -> None:
        """Await a reply no longer."""
        if self._asked.pop(id, None) is not None:
            self._outbox = deque(entry for entry in self._outbox if entry[1] != id)

    def again(self) -> None:
        """Queue what has no reply once more, before what was never sent."""
        unsent = {id for _, id in self._outbox}
        texts = [(asked.text, id) for id, asked in self._asked.items() if id not in unsent]
        self._outbox.extendleft(reversed(texts))

    def take(self) -> list[str]:
        """Return the frames to send now, in order; they are the caller's from then on."""
        texts = [text for text, _ in self._outbox]
        self._outbox.clear()
        return texts

    @property
    def has_outgoing(self) -> bool:
        """Whether `take` has something."""
        return bool(self._outbox)

    def deadline(self) -> float | None:
        """Return when the first gives up, if ever."""
        return min((asked.until for asked in self._asked.values() if asked.until is not None), default=None)

    def expire(self, now: float) -> list[Refused]:
        """Give up what has waited for too long."""
        late = [id for id, asked in self._asked.items() if asked.until is not None and asked.until <= now]
        return [self._refuse(id, RequestTimedOut(self._asked[id].type)) for id in late]

    def is_ours(self, frame: dict[str, Any]) -> bool:
        """Whether a frame replies to a request of this client, perhaps one that is not awaited any longer."""
        id = frame.get("id")
        return isinstance(id, str) and id.startswith(self.prefix)

    def replied(self, frame: dict[str, Any]) -> Answered | Refused | None:
        """Take a reply; None where nobody awaits it."""
        id = frame["id"]
        if id not in self._asked:
            return None
        if frame["type"] == "error":
            return self._refuse(id, RequestFailed(frame))
        self.forget(id)
        return Answered(id, frame)

    def refuse_longest(self, frame: dict[str, Any]) -> Refused | None:
        """Take a refusal by size, which comes before an id is read: the longest of all is what was refused."""
        longest = max(self._asked, key=lambda asked: len(self._asked[asked].text), default=None)
        return self._refuse(longest, RequestFailed(frame)) if longest is not None else None

    def _refuse(self, id: str, error: LtyError) -> Refused:
        self.forget(id)
        return Refused(id, error)

    def _room(self, is_online: bool) -> None:
        # Over a connection it is but a moment until they are sent: many may be asked at once.
        limit = self._limit * ONLINE_FACTOR if is_online else self._limit
        if max(len(self._outbox), len(self._asked)) >= limit:
            raise OutboxFull(limit)
