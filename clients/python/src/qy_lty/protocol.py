"""The protocol without I/O: what to send, what a frame means, when to come back.

It knows no socket, no task and no clock of its own. A shell feeds it what happened together with the time in seconds,
then asks what to do: `outgoing()` is to be sent, `events()` to be told, `closing` to be carried out, and `tick()` is
due at `deadline()`. `client.py` is the shell for asyncio; one for threads or trio would use the same.
"""

from __future__ import annotations

import json
import random as random_module
import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from .backoff import Backoff
from .errors import LtyError, OutboxFull, RequestFailed, RequestTimedOut, Stopped, stopped
from .inbox import PROTOCOL_TYPES, Delivery, Inbox
from .place import Place
from .tables import STOPS

GREETING_S: Final = 10.0
"""A server has so long for its `connection_status`."""
PONG_S: Final = 10.0
"""A server has so long to answer a ping."""
WORKING_EVERY_S: Final = 10.0
COUNTED_AFTER_S: Final = 6.0
"""A server counts a failed attempt once the connection outlived the message by 5 s; a little more for the way."""
ABNORMAL: Final = 1006
"""The close code of a connection that broke."""

ONLINE_FACTOR: Final = 10
"""So many times the outbox's limit may be under way while there is a connection."""
MOST_BYTES: Final = 64 * 1024
"""The largest frame that a server takes."""

_HEARTBEAT_S: Final = 30.0


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


@dataclass
class _Asked:
    type: str
    text: str
    until: float | None


class ClientProtocol:
    """One client over all of its connections. Times are seconds of any clock that never goes back."""

    def __init__(
        self,
        place: Place | None = None,
        *,
        outbox_limit: int = 100,
        random: Callable[[], float] = random_module.random,
    ) -> None:
        self.place = place if place is not None else Place()
        self.closing: Closing | None = None
        """What is to be done to the connection, if anything."""
        self._limit = outbox_limit
        self._backoff = Backoff(random)
        self._inbox = Inbox()
        self._events: list[Event] = []
        self._outbox: deque[tuple[str, str | None]] = deque()
        self._asked: dict[str, _Asked] = {}
        self._prefix = secrets.token_hex(6)
        self._asks = 0
        self._connection = 0
        self._claimed = False
        self._opened_at: float | None = None
        self._greeted_at: float | None = None
        self._heard_at = 0.0
        self._pinged_at: float | None = None
        self._ping_due = False
        self._heartbeat_s = _HEARTBEAT_S
        self._is_consumer = False
        self._acked = 0
        self._arrived = 0
        self._ack_due = False
        self._working_due = False
        self._working_at: float | None = None
        self._close_at: float | None = None
        self._error: dict[str, Any] | None = None

    # ── a connection's life ──

    def claims(self) -> dict[str, str | int]:
        """Return what to say of the place at the connect: `epoch`, `seq`, `last`, or nothing."""
        place = self.place
        self._claimed = place.epoch is not None and place.last is not None
        if place.epoch is None or place.last is None:
            return {}
        return {"epoch": place.epoch, "seq": place.seq, "last": place.last}

    def opened(self, now: float) -> None:
        """Note that the socket is open; the greeting is awaited."""
        self._connection += 1
        self._opened_at = self._heard_at = now
        self._error = None

    def received(self, text: str | bytes, now: float) -> None:
        """Take one frame of the server. What is no frame is passed over."""
        try:
            frame = json.loads(text)
        except (ValueError, RecursionError):
            return
        if not isinstance(frame, dict) or not isinstance(frame.get("type"), str):
            return
        self._heard_at, self._pinged_at = now, None
        if frame["type"] == "error":
            self._erred(frame)
        if not self.is_online and frame["type"] == "connection_status":
            self._greeted(frame, now)
        elif self.is_online and not self._replied(frame):
            self._arrive(frame, now)

    def lost(self, code: int, reason: str, now: float) -> Retry | Stop:
        """Note that the connection ended, or could not be made (`ABNORMAL`), and return what is next."""
        connected_s = now - self._greeted_at if self._greeted_at is not None else None
        ours, error = self.closing, self._error
        self._opened_at = self._greeted_at = self._pinged_at = self._close_at = self.closing = self._error = None
        self._ack_due = self._working_due = self._ping_due = False
        self._inbox.disconnect()
        # What has no reply is asked again, before what was never sent.
        unsent = {id for _, id in self._outbox}
        again = [(asked.text, id) for id, asked in self._asked.items() if id not in unsent]
        self._outbox.extendleft(reversed(again))
        if ours is None and code in STOPS:
            return Stop(stopped(code, reason, error))
        return Retry(self._backoff.after(connected_s))

    @property
    def is_online(self) -> bool:
        """Whether the server has greeted on the connection of now."""
        return self._greeted_at is not None

    # ── what a program says ──

    def say(self, type: str, message: Any = None) -> None:
        """Send a frame that asks for no reply; at the next connection where there is none.

        Raises OutboxFull, and RequestFailed for what no server takes.
        """
        self._room()
        self._outbox.append((_encode(type, message), None))

    def ask(self, type: str, message: Any, timeout_s: float | None, now: float) -> str:
        """Send a frame and await its reply; returns its id. Raises as `say`."""
        self._room()
        self._asks += 1
        id = f"{self._prefix}-{self._asks}"
        text = _encode(type, message, id)
        self._asked[id] = _Asked(type, text, now + timeout_s if timeout_s is not None else None)
        self._outbox.append((text, id))
        return id

    def forget(self, id: str) -> None:
        """Await a reply no longer."""
        if self._asked.pop(id, None) is not None:
            self._outbox = deque(entry for entry in self._outbox if entry[1] != id)

    # ── what a program handles ──

    def head(self) -> Delivery | None:
        """Return what is to be handled next, if anything; it stays where it is."""
        while (known := self._inbox.head()) is not None:
            if known.seq is None or known.message_id is None or not self.place.has(known.message_id):
                break
            # Handled before, and its acknowledgement was lost.
            self._inbox.drop_head()
            self.place.handled(known.epoch, known.seq, known.message_id)
            self.acknowledge(known)
        # Behind one that failed nothing is handled: an acknowledgement would say that it was.
        return known if self._close_at is None and self.closing is None else None

    def take(self, now: float) -> Delivery | None:
        """Begin with the next one. There is no other until `acknowledge`, `failed` or `put_back`."""
        if self.head() is None:
            return None
        self._working_at = now + WORKING_EVERY_S
        return self._inbox.take()

    def handled(self, delivery: Delivery) -> None:
        """Note that the handlers are done. Save `place` next, then `acknowledge`."""
        if delivery.message_id is not None:
            self.place.handled(delivery.epoch, delivery.seq, delivery.message_id)

    def acknowledge(self, delivery: Delivery) -> None:
        """Tell the server, where it sent the message on the connection of now."""
        self._rest(delivery)
        if delivery.seq is not None and delivery.connection == self._connection and delivery.seq > self._acked:
            self._acked, self._ack_due = delivery.seq, self.is_online

    def failed(self, delivery: Delivery, now: float) -> None:
        """Let the message come again: by closing the connection, late enough for the server to count the attempt."""
        self._rest(delivery)
        if delivery.seq is not None and delivery.connection == self._connection and self.is_online:
            self._close_at = max(now, delivery.arrived + COUNTED_AFTER_S)

    def put_back(self, delivery: Delivery) -> None:
        """Leave it for others: nobody has handled it."""
        self._rest(delivery)
        # One of an earlier connection comes again by itself.
        if delivery.seq is None or (delivery.connection == self._connection and self.is_online):
            self._inbox.put_back(delivery)

    # ── what the shell asks ──

    def outgoing(self) -> list[str]:
        """Return the frames to send now, in order; they are the shell's from then on."""
        if not self.is_online:
            return []
        texts: list[str] = []
        if self._ack_due:
            texts.append(f'{{"type":"ack","seq":{self._acked}}}')
        if self._working_due:
            texts.append(f'{{"type":"ack","seq":{self._acked},"working":true}}')
        if self._ping_due:
            texts.append(_encode("ping", None, f"{self._prefix}-ping"))
        self._ack_due = self._working_due = self._ping_due = False
        texts.extend(text for text, _ in self._outbox)
        self._outbox.clear()
        return texts

    @property
    def has_outgoing(self) -> bool:
        """Whether `outgoing` has something to send."""
        due = self._ack_due or self._working_due or self._ping_due or bool(self._outbox)
        return due and self.is_online

    def events(self) -> list[Event]:
        """Return what happened since the last call."""
        events, self._events = self._events, []
        return events

    def deadline(self) -> float | None:
        """Return when `tick` has something to do, if ever."""
        times = [asked.until for asked in self._asked.values()]
        times += [self._close_at, self._silent_until(), self._working_at if self.is_online else None]
        return min((time for time in times if time is not None), default=None)

    def tick(self, now: float) -> None:
        """Do what is due."""
        for id in [id for id, asked in self._asked.items() if asked.until is not None and asked.until <= now]:
            self._refuse(id, RequestTimedOut(self._asked[id].type))
        if self._close_at is not None and self._close_at <= now:
            self._close_at, self.closing = None, Closing("a handler failed", abort=False)
        if self._working_at is not None and self._working_at <= now and self.is_online:
            self._working_at = now + WORKING_EVERY_S
            # With nothing in flight nobody waits for a sign.
            self._working_due = self._arrived > self._acked
        silent_until = self._silent_until()
        if silent_until is not None and silent_until <= now:
            if not self.is_online or self._pinged_at is not None:
                self.closing = Closing("the server does not answer", abort=True)
            else:
                self._ping_due, self._pinged_at = True, now

    # ── inside ──

    def _silent_until(self) -> float | None:
        if self._opened_at is None or self.closing is not None:
            return None
        if not self.is_online:
            return self._opened_at + GREETING_S
        return self._pinged_at + PONG_S if self._pinged_at is not None else self._heard_at + self._heartbeat_s

    def _greeted(self, frame: dict[str, Any], now: float) -> None:
        self._greeted_at = now
        self._is_consumer = isinstance(frame.get("consumer"), str)
        acked, epoch, heartbeat_ms = (frame.get(name) for name in ("acked", "epoch", "heartbeat_ms"))
        self._acked = self._arrived = acked if isinstance(acked, int) else 0
        if isinstance(heartbeat_ms, int) and heartbeat_ms >= 1_000:
            self._heartbeat_s = heartbeat_ms / 1000
        # A place that was claimed and is of another epoch is told so by a `reset`.
        if isinstance(epoch, str) and epoch != self.place.epoch and not self._claimed:
            self.place.reset(epoch)
        self._events.append(Greeted(frame))

    def _erred(self, frame: dict[str, Any]) -> None:
        self._error = frame
        code = frame.get("code")
        if code == "RATE_LIMITED":
            self._backoff.asked(frame.get("retry_after_ms"))
        elif code == "MESSAGE_TOO_LARGE" and "id" not in frame:
            self._refuse_longest(frame)

    def _refuse_longest(self, frame: dict[str, Any]) -> None:
        # The server refuses by size before it reads an id. What it refused is longer than anything it takes.
        longest = max(self._asked, key=lambda asked: len(self._asked[asked].text), default=None)
        if longest is not None:
            self._refuse(longest, RequestFailed(frame))

    def _replied(self, frame: dict[str, Any]) -> bool:
        id = frame.get("id")
        if not isinstance(id, str) or not id.startswith(f"{self._prefix}-"):
            return False
        if id not in self._asked:
            return True
        if frame["type"] == "error":
            self._refuse(id, RequestFailed(frame))
        else:
            self.forget(id)
            self._events.append(Answered(id, frame))
        return True

    def _refuse(self, id: str, error: LtyError) -> None:
        self.forget(id)
        self._events.append(Refused(id, error))

    def _arrive(self, frame: dict[str, Any], now: float) -> None:
        type = frame["type"]
        if type == "bye":
            self._backoff.asked(frame.get("retry_min_ms"), frame.get("retry_max_ms"))
        elif type == "reset":
            epoch = frame.get("epoch")
            self.place.reset(epoch if isinstance(epoch, str) else None)
            self._events.append(PlaceMoved())
        if type in PROTOCOL_TYPES:
            self._events.append(Told(frame))
            return
        message = self._inbox.arrive(frame, self.place, self._connection, self._is_consumer, now)
        if message is not None and message.seq is not None:
            self._arrived = max(self._arrived, message.seq)
        if self._inbox.is_flooded:
            self.closing = Closing("more messages than were asked for", abort=True)

    def _rest(self, delivery: Delivery) -> None:
        if self._inbox.rest(delivery):
            self._working_at = None

    def _room(self) -> None:
        # Over a connection it is but a moment until they are sent: many may be asked at once.
        limit = self._limit * ONLINE_FACTOR if self.is_online else self._limit
        if max(len(self._outbox), len(self._asked)) >= limit:
            raise OutboxFull(limit)


def _encode(type: str, message: Any = None, id: str | None = None) -> str:
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
