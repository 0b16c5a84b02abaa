"""The protocol without I/O: what to send, what a frame means, when to come back.

It knows no socket, no task and no clock of its own. A shell feeds it what happened together with the time in seconds,
then asks what to do: `outgoing()` is to be sent, `events()` to be told, `closing` to be carried out, and `tick()` is
due at `deadline()`. `client.py` is the shell for asyncio; one for threads or trio would use the same.
"""

from __future__ import annotations

import random as random_module
from collections.abc import Callable
from typing import Any, Final

from .backoff import Backoff
from .errors import Stopped, stopped
from .inbox import PROTOCOL_TYPES, Delivery, Inbox
from .liveness import Liveness
from .outcomes import Answered, Closing, Event, Greeted, PlaceMoved, Refused, Retry, Stop, Told
from .place import Place
from .questions import Questions
from .tables import STOPS
from .wire import encode, read_frame, read_name, read_seq

__all__ = [
    "Answered",
    "ClientProtocol",
    "Closing",
    "Delivery",
    "Event",
    "Greeted",
    "PlaceMoved",
    "Refused",
    "Retry",
    "Stop",
    "Told",
]

WORKING_EVERY_S: Final = 10.0
COUNTED_AFTER_S: Final = 6.0
"""A server counts a failed attempt once the connection outlived the message by 5 s; a little more for the way."""
ABNORMAL: Final = 1006
"""The close code of a connection that broke."""

UNAUTHENTICATED: Final = 4001
"""The close code of a credential that a server would not have."""


class ClientProtocol:
    """One client over all of its connections. Times are seconds of any clock that never goes back.

    With `renews` each attempt may have another token: one that was refused is not the end then.
    """

    def __init__(
        self,
        place: Place | None = None,
        *,
        outbox_limit: int = 100,
        renews: bool = False,
        random: Callable[[], float] = random_module.random,
    ) -> None:
        self.place = place if place is not None else Place()
        self.closing: Closing | None = None
        """What is to be done to the connection, if anything."""
        self._questions = Questions(outbox_limit)
        self._renews = renews
        self._token = ""
        self._refusal: Stopped | None = None
        self._backoff = Backoff(random)
        self._inbox = Inbox()
        self._events: list[Event] = []
        self._connection = 0
        self._liveness = Liveness()
        self._ping_due = False
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
        if place.epoch is None or place.last is None:
            return {}
        return {"epoch": place.epoch, "seq": place.seq, "last": place.last}

    def authorize(self, token: str) -> Stop | None:
        """Take the token of the next attempt. One that the server has just refused ends it: there is no other."""
        if self._refusal is not None and token == self._token:
            return Stop(self._refusal)
        self._token = token
        return None

    def opened(self, now: float) -> None:
        """Note that the socket is open; the greeting is awaited."""
        self._connection += 1
        self._liveness.opened(now)
        self._error = None

    def received(self, text: str | bytes, now: float) -> None:
        """Take one frame of the server. What is no frame is passed over."""
        frame = read_frame(text)
        if frame is None:
            return
        self._liveness.heard(now)
        if frame["type"] == "error":
            self._erred(frame)
        elif frame["type"] == "bye":
            self._backoff.asked(frame.get("retry_min_ms"), frame.get("retry_max_ms"))
        if not self.is_online:
            if frame["type"] == "connection_status":
                self._greeted(frame, now)
        elif not self._questions.is_ours(frame):
            self._arrive(frame, now)
        elif (outcome := self._questions.replied(frame)) is not None:
            self._events.append(outcome)

    def lost(self, code: int, reason: str, now: float) -> Retry | Stop:
        """Note that the connection ended, or could not be made (`ABNORMAL`), and return what is next."""
        connected_s = self._liveness.lost(now)
        ours, error = self.closing, self._error
        self._close_at = self.closing = self._error = None
        self._ack_due = self._working_due = self._ping_due = False
        self._inbox.disconnect()
        self._questions.again()
        if ours is None and code in STOPS:
            end = stopped(code, reason, error)
            if code != UNAUTHENTICATED or not self._renews or self._refusal is not None:
                return Stop(end)
            self._refusal = end
        return Retry(self._backoff.after(connected_s))

    @property
    def is_online(self) -> bool:
        """Whether the server has greeted on the connection of now."""
        return self._liveness.is_online

    # ── what a program says ──

    def say(self, type: str, message: Any = None) -> None:
        """Send a frame that asks for no reply; at the next connection where there is none.

        Raises OutboxFull, and RequestFailed for what no server takes.
        """
        self._questions.say(type, message, self.is_online)

    def ask(self, type: str, message: Any, timeout_s: float | None, now: float) -> str:
        """Send a frame and await its reply; returns its id. Raises as `say`."""
        return self._questions.ask(type, message, now + timeout_s if timeout_s is not None else None, self.is_online)

    def forget(self, id: str) -> None:
        """Await a reply no longer."""
        self._questions.forget(id)

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
            texts.append(encode("ping", None, f"{self._questions.prefix}ping"))
        self._ack_due = self._working_due = self._ping_due = False
        return texts + self._questions.take()

    @property
    def has_outgoing(self) -> bool:
        """Whether `outgoing` has something to send."""
        due = self._ack_due or self._working_due or self._ping_due or self._questions.has_outgoing
        return due and self.is_online

    def events(self) -> list[Event]:
        """Return what happened since the last call."""
        events, self._events = self._events, []
        return events

    def deadline(self) -> float | None:
        """Return when `tick` has something to do, if ever."""
        working_at = self._working_at if self.is_online else None
        times = [self._questions.deadline(), self._close_at, self._silent_until(), working_at]
        return min((time for time in times if time is not None), default=None)

    def tick(self, now: float) -> None:
        """Do what is due."""
        self._events += self._questions.expire(now)
        if self._close_at is not None and self._close_at <= now:
            self._close_at, self.closing = None, Closing("a handler failed", abort=False)
        if self._working_at is not None and self._working_at <= now and self.is_online:
            self._working_at = now + WORKING_EVERY_S
            # With nothing in flight nobody waits for a sign.
            self._working_due = self._arrived > self._acked
        silent_until = self._silent_until()
        if silent_until is not None and silent_until <= now:
            if self._liveness.asks(now):
                self._ping_due = True
            else:
                self.closing = Closing("the server does not answer", abort=True)

    # ── inside ──

    def _silent_until(self) -> float | None:
        return self._liveness.deadline() if self.closing is None else None

    def _greeted(self, frame: dict[str, Any], now: float) -> None:
        self._liveness.greeted(now, frame.get("heartbeat_ms"))
        self._refusal = None
        self._is_consumer = read_name(frame.get("consumer")) is not None
        self._acked = self._arrived = read_seq(frame.get("acked")) or 0
        epoch = read_name(frame.get("epoch"))
        if self._is_consumer and epoch != self.place.epoch:
            self.place.reset(epoch)
        self._events.append(Greeted(frame))

    def _erred(self, frame: dict[str, Any]) -> None:
        self._error = frame
        code = frame.get("code")
        if code == "RATE_LIMITED":
            self._backoff.asked(frame.get("retry_after_ms"))
        elif code == "MESSAGE_TOO_LARGE" and "id" not in frame:
            refused = self._questions.refuse_longest(frame)
            self._events += [refused] if refused is not None else []

    def _arrive(self, frame: dict[str, Any], now: float) -> None:
        type = frame["type"]
        if type == "reset":
            self.place.reset(read_name(frame.get("epoch")))
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
