"""For tests: a scripted gateway without sockets, and a clock that a test turns.

gateway, clock = FakeGateway(), ManualClock()
client = LtyClient("ws://gateway", token="t", connector=gateway, clock=clock)
connecting = asyncio.create_task(client.connect())
link = await gateway.accept()
link.greet()
await connecting
link.push(1, "notice", {"text": "晚饭好了"})
assert await link.said() == {"type": "ack", "seq": 1}
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from .transport import ConnectionFailed, ConnectionLost

TIMESTAMP = "2026-01-01T00:00:00.000Z"
_TURNS = 40
_PATIENCE_S = 10


async def settle() -> None:
    """Let the event loop finish what can be finished without time passing."""
    for _ in range(_TURNS):
        await asyncio.sleep(0)


class _ManualTimer:
    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


class ManualClock:
    """A clock that stands still until `advance`."""

    def __init__(self) -> None:
        self._now = 0.0
        self._timers: list[tuple[float, int, _ManualTimer]] = []
        self._order = itertools.count()

    def now(self) -> float:
        """Return seconds since it was made."""
        return self._now

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> _ManualTimer:
        """Call back once the clock was turned so far."""
        timer = _ManualTimer(callback)
        heapq.heappush(self._timers, (self._now + delay_s, next(self._order), timer))
        return timer

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock was turned so far."""
        due = asyncio.Event()
        self.call_later(seconds, due.set)
        await due.wait()

    async def advance(self, seconds: float) -> None:
        """Turn it, and let everything that is due on the way happen in its order."""
        await settle()
        until = self._now + seconds
        while self._timers and self._timers[0][0] <= until:
            at, _, timer = heapq.heappop(self._timers)
            if timer.callback is not None:
                self._now = max(self._now, at)
                timer.callback()
                await settle()
        self._now = until
        await settle()


class FakeLink:
    """The server's end of one connection."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        self.url = url
        self.query = dict(parse_qsl(urlsplit(url).query))
        self.headers = dict(headers)
        self.closed: str | None = None
        """Why the client closed it; "" when it dropped it; None while it has not."""
        self._to_client: asyncio.Queue[str | ConnectionLost] = asyncio.Queue()
        self._to_server: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._lost: ConnectionLost | None = None

    # ── what a test does ──

    def send(self, frame: Mapping[str, Any] | str) -> None:
        """Send a frame, or text as it is, to the client."""
        text = frame if isinstance(frame, str) else json.dumps({"timestamp": TIMESTAMP, **frame}, ensure_ascii=False)
        self._to_client.put_nowait(text)

    def greet(self, **members: Any) -> None:
        """Send `connection_status`; `members` are put over what it usually says."""
        status = {
            "type": "connection_status",
            "status": "connected",
            "user_id": "1",
            "device_id": 1,
            "session_id": "s1",
            "protocol": "lty.v1",
            "consumer": "device:1",
            "epoch": "e1",
            "acked": 0,
            "top": 0,
            "resumed": False,
            "heartbeat_ms": 30_000,
            "ack_window": 64,
        }
        self.send({**status, **members})

    def push(self, seq: int | None, type: str = "notice", message: Any = None, **members: Any) -> None:
        """Push a message: number `seq` of the log, or one that is kept nowhere. Its id is `m<seq>`."""
        place = {} if seq is None else {"seq": seq, "message_id": f"m{seq}"}
        self.send({"type": type, "message": message, **place, **members})

    async def said(self) -> dict[str, Any]:
        """Return the next frame of the client."""
        return await asyncio.wait_for(self._to_server.get(), _PATIENCE_S)

    async def rest(self) -> list[dict[str, Any]]:
        """Return what the client has said and was not looked at."""
        await settle()
        return [self._to_server.get_nowait() for _ in range(self._to_server.qsize())]

    def close(self, code: int, reason: str = "") -> None:
        """Close with a code; what was sent before arrives before."""
        self._to_client.put_nowait(ConnectionLost(code, reason))

    def cut(self) -> None:
        """Break the connection."""
        self.close(1006)

    # ── what the client does ──

    async def to_server(self, text: str) -> None:
        """Take a frame of the client."""
        if self._lost is not None:
            raise self._lost
        self._to_server.put_nowait(json.loads(text))

    async def to_client(self) -> str:
        """Return the next frame for the client."""
        if self._lost is None:
            item = await self._to_client.get()
            if isinstance(item, str):
                return item
            self._lost = item
        raise self._lost

    def closed_by_client(self, reason: str) -> None:
        """Note how the client ended it."""
        if self.closed is None:
            self.closed = reason
            self.close(1000 if reason else 1006, reason)


class _FakeConnection:
    def __init__(self, link: FakeLink) -> None:
        self._link = link

    async def send(self, text: str) -> None:
        await self._link.to_server(text)

    async def receive(self) -> str:
        return await self._link.to_client()

    async def close(self, reason: str) -> None:
        self._link.closed_by_client(reason or "closed")

    def abort(self) -> None:
        self._link.closed_by_client("")


class FakeGateway:
    """A `connector` whose other end is a test's script."""

    def __init__(self) -> None:
        self.attempts = 0
        """How often the client dialled."""
        self._failures: list[str] = []
        self._links: asyncio.Queue[FakeLink] = asyncio.Queue()

    def refuse(self, times: int = 1, why: str = "Connection refused") -> None:
        """Let the next attempts fail before there is a connection."""
        self._failures += [why] * times

    async def accept(self) -> FakeLink:
        """Return the next connection."""
        return await asyncio.wait_for(self._links.get(), _PATIENCE_S)

    @property
    def has_link(self) -> bool:
        """Whether `accept` has one at once."""
        return not self._links.empty()

    async def __call__(self, url: str, headers: Mapping[str, str]) -> _FakeConnection:
        """Dial; the client calls it."""
        self.attempts += 1
        if self._failures:
            raise ConnectionFailed(self._failures.pop(0))
        link = FakeLink(url, headers)
        self._links.put_nowait(link)
        return _FakeConnection(link)
