"""What has arrived and is not handled yet."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any, Final

from .place import Place
from .wire import read_name, read_seq

PROTOCOL_TYPES: Final = frozenset({"connection_status", "error", "pong", "ack", "auth", "skip", "reset", "bye"})
"""Types that only the server itself says: no messages."""

MOST_LIVE: Final = 1024
"""So many frames that are kept nowhere wait for a slow handler; further ones are dropped."""
MOST_LOGGED: Final = 4096
"""A server has 64 in flight. One that sends so many does not speak this protocol."""


@dataclass(eq=False)
class Delivery:
    """A frame on its way to the handlers."""

    frame: dict[str, Any]
    epoch: str | None
    seq: int | None
    """Its place in the log; None: it was said to who was there, and is not acknowledged."""
    message_id: str | None
    connection: int
    """Which connection brought it."""
    arrived: float


class Inbox:
    """A queue, in order, bounded; one at a time is taken out of it."""

    def __init__(self) -> None:
        self._queue: deque[Delivery] = deque()
        self._at_work: Delivery | None = None
        self._logged = 0
        self.dropped = 0
        """How many live frames were dropped."""

    @property
    def is_flooded(self) -> bool:
        """Whether more waits than a server may send."""
        return self._logged > MOST_LOGGED

    def arrive(
        self, frame: dict[str, Any], place: Place, connection: int, is_consumer: bool, now: float
    ) -> Delivery | None:
        """Queue what a server sent; None for what is not queued: one that is known, or one live frame too many."""
        seq, message_id = read_seq(frame.get("seq")), read_name(frame.get("message_id"))
        is_logged = message_id is not None and is_consumer and seq is not None
        if not is_logged and message_id is not None and (place.has(message_id) or self._waits(message_id)):
            return None
        delivery = Delivery(frame, place.epoch, seq if is_logged else None, message_id, connection, now)
        return self._append(delivery)

    def head(self) -> Delivery | None:
        """Return the next one; None while one is worked on."""
        return self._queue[0] if self._queue and self._at_work is None else None

    def drop_head(self) -> None:
        """Take the next one out for good."""
        self._logged -= self._queue.popleft().seq is not None

    def take(self) -> Delivery:
        """Take the next one out, to be worked on until it `rest`s."""
        self._at_work = self._queue.popleft()
        self._logged -= self._at_work.seq is not None
        return self._at_work

    def rest(self, delivery: Delivery) -> bool:
        """Work on it no longer; tells whether it was worked on."""
        if self._at_work is not delivery:
            return False
        self._at_work = None
        return True

    def put_back(self, delivery: Delivery) -> None:
        """Make it the next one again."""
        self._queue.appendleft(delivery)
        self._logged += delivery.seq is not None

    def disconnect(self) -> None:
        """Forget what comes again by itself. What is worked on goes on."""
        self._queue = deque(delivery for delivery in self._queue if delivery.seq is None)
        self._logged = 0

    def _waits(self, message_id: str) -> bool:
        at_work = self._at_work is not None and self._at_work.message_id == message_id
        return at_work or any(waiting.message_id == message_id for waiting in self._queue)

    def _append(self, delivery: Delivery) -> Delivery | None:
        if delivery.seq is None and len(self._queue) - self._logged >= MOST_LIVE:
            self.dropped += 1
            return None
        self._queue.append(delivery)
        self._logged += delivery.seq is not None
        return delivery
