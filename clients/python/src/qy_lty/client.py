"""The client for asyncio: sockets, tasks and timers around `ClientProtocol`."""

from __future__ import annotations

import asyncio
import logging
import random as random_module
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from types import TracebackType
from typing import Any, cast

from .clock import Clock, LoopClock, Timer
from .credential import Token, TokenSource
from .endpoint import Endpoint
from .errors import ClientClosed, LtyError, NotConnected, Stopped, one_line
from .frames import ReliableConnectionStatus
from .link import Link
from .loops import MessageLoop, Messages
from .protocol import Answered, ClientProtocol, Greeted, PlaceMoved, Refused, Told
from .state import State, States
from .storage import MemoryStorage, Storage
from .transport import Connection, Connector, connect_websocket
from .typed import TypedListeners, TypedRequests
from .waiting import first_of
from .worker import Worker

logger = logging.getLogger("qy_lty")

GRACE_S = 5.0


class LtyClient(TypedRequests, TypedListeners):
    """A connection to a qy-lty gateway that comes back by itself, and loses nothing.

        async with LtyClient("ws://127.0.0.1:8000", token=token) as client:
            print(await client.request("weather", city="上海"))

    `url` is a base; `/ws/device/` is added where it has no path. `token` is a credential, or a function that gives
    one: it is called before each connection, and where the server has refused one, once more. `role`, `device` and
    `client_id` say who connects (an app gives itself a `client_id` that stays the same, and misses nothing then),
    `caps` what a device can do. `storage` keeps the place in the log over restarts; each client needs its own.
    `outbox_limit` frames may wait while there is no connection. `connector`, `clock` and `random` are for tests.
    Raises ValueError for what cannot be right.
    """

    def __init__(
        self,
        url: str = "ws://127.0.0.1:8000",
        *,
        token: Token,
        role: str | None = None,
        device: int | str | None = None,
        client_id: str | None = None,
        caps: Sequence[str] = (),
        storage: Storage | None = None,
        outbox_limit: int = 100,
        connector: Connector = connect_websocket,
        clock: Clock | None = None,
        random: Callable[[], float] = random_module.random,
    ) -> None:
        self._endpoint = Endpoint(url, role=role, device=device, client_id=client_id, caps=caps)
        self._storage: Storage = storage if storage is not None else MemoryStorage()
        self._clock: Clock = clock if clock is not None else LoopClock()
        source = TokenSource(token)
        self._core = ClientProtocol(outbox_limit=outbox_limit, renews=source.renews, random=random)
        self._worker = Worker(self._core, self._clock, self._storage, self._changed)
        self._states = States()
        self._over = asyncio.Event()
        self._link = Link(self._core, self._endpoint, source, connector, self._clock, self._states, self._changed)
        self._runner: asyncio.Task[None] | None = None
        self._end: LtyError | None = None
        self._replies: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._greeted = asyncio.Event()
        self._greeting: ReliableConnectionStatus | None = None
        self._stopped = asyncio.Event()
        self._timer: Timer | None = None
        self._timer_at = 0.0
        self._tasks: set[asyncio.Task[None]] = set()

    def __repr__(self) -> str:
        return f"<LtyClient {self._endpoint.shown} {'online' if self.is_online else 'offline'}>"

    @property
    def is_online(self) -> bool:
        """Whether the server has greeted, and the connection is up as far as is known."""
        return self._core.is_online

    # ── life ──

    async def connect(self, timeout_s: float | None = None) -> ReliableConnectionStatus:
        """Connect, and return the server's greeting once it is there. Tries for ever, or for `timeout_s`.

        Raises Stopped where the server will not have this client, ClientClosed, and NotConnected where the time is up:
        the client goes on trying all the same, until `close`.
        """
        if self._end is not None:
            raise self._end
        if self._runner is None:
            self._runner = asyncio.create_task(self._run())
        await first_of(self._clock, timeout_s, self._greeted, self._over)
        if self._end is not None:
            raise self._end
        if self._greeting is None:
            raise NotConnected(timeout_s or 0, self._link.why)
        return self._greeting

    async def close(self, grace_s: float = GRACE_S) -> None:
        """End it. A handler at work has `grace_s` to return, and what waits is sent, where the connection is up.

        A handler that calls it ends first: it returns at once then.
        """
        if self._worker.is_current:
            self._later(self.close(grace_s))
            return
        if self._end is None and grace_s > 0:
            await self._worker.rest(grace_s)
            await self._link.flush(grace_s, self._over)
        self._finish(ClientClosed())
        if self._runner is not None:
            self._runner.cancel()
            # Not the task itself: whoever closes may be what it waits for.
            await self._stopped.wait()

    async def wait_closed(self) -> None:
        """Return when the program closed it. Raises what ended it otherwise (`Stopped`)."""
        await self._over.wait()
        if isinstance(self._end, Stopped):
            raise self._end

    async def __aenter__(self) -> LtyClient:
        """Connect, and return itself."""
        try:
            await self.connect()
        except BaseException:
            await self.close(0)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        await self.close()

    def on_state(self, listener: Callable[[State], None]) -> Callable[[State], None]:
        """Call `listener` whenever the state changes; a decorator. What it raises is logged."""
        return self._states.add(listener)

    def on_error(self, listener: Callable[[Exception], None]) -> Callable[[Exception], None]:
        """Call `listener` with what nobody else hears of (a handler failed); a decorator. It is logged too."""
        self._worker.on_error(listener)
        return listener

    # ── what a program says and hears ──

    async def send(self, type: str, message: Any = None) -> None:
        """Send a frame without awaiting a reply, now or at the next connection. Returns once it is queued.

        A reply goes to the handlers. A frame that is on its way when the connection breaks may be lost: what must
        arrive is a `request`. Raises OutboxFull, and what ended the client for good.
        """
        self._alive()
        self._core.say(type, message)
        self._changed()
        await asyncio.sleep(0)

    async def _ask(self, type: str, message: Any, timeout_s: float | None) -> Any:
        self._alive()
        id = self._core.ask(type, message, timeout_s, self._clock.now())
        reply = self._replies[id] = asyncio.get_running_loop().create_future()
        self._changed()
        try:
            return await reply
        finally:
            del self._replies[id]
            self._core.forget(id)

    def _listen(self, type: str, handler: Callable[[Any], Awaitable[None] | None]) -> None:
        self._worker.listen(type, handler)

    def messages(self, *types: str) -> Messages:
        """Return the messages to iterate over, all or those of `types`: see `Messages`. Handlers get them before."""
        loop = MessageLoop(self._worker, frozenset(types))
        if self._end is not None:
            loop.end(self._loop_error)
        else:
            self._worker.add_loop(loop)
        return Messages(loop)

    # ── inside ──

    @property
    def _connection(self) -> Connection | None:
        return self._link.connection

    def _alive(self) -> None:
        if self._end is not None:
            raise self._end

    def _loop_error(self) -> BaseException:
        return self._end if isinstance(self._end, Stopped) else StopAsyncIteration()

    async def _run(self) -> None:
        work: asyncio.Task[None] | None = None
        try:
            await self._load()
            work = asyncio.create_task(self._worker.run())
            self._finish(await self._link.run(self._over))
        except Exception as error:
            logger.error("the client failed: %s", one_line(f"{type(error).__name__}: {error}"))
            self._finish(LtyError("INTERNAL_ERROR", "the client failed"))
        finally:
            if work is not None:
                work.cancel()
                await asyncio.wait([work])
            await self._link.closed()
            self._stopped.set()

    async def _load(self) -> None:
        try:
            place = await self._storage.load()
        except Exception as error:
            logger.error("the place could not be loaded, and is not known: %s", one_line(error))
            return
        if place is not None:
            self._core.place = place

    def _changed(self) -> None:
        """Carry out what the protocol says after anything happened to it."""
        for event in self._core.events():
            if isinstance(event, Answered):
                self._settle(event.id, event.frame)
            elif isinstance(event, Refused):
                self._settle(event.id, event.error)
            elif isinstance(event, Greeted):
                self._greeting = cast("ReliableConnectionStatus", event.frame)
                self._greeted.set()
                self._states.enter(State("connected"))
                self._worker.tell(event.frame)
            elif isinstance(event, Told):
                self._worker.tell(event.frame)
            elif isinstance(event, PlaceMoved):
                self._worker.save_soon()
        self._link.look()
        self._worker.wake()
        self._arm()

    def _later(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _settle(self, id: str, outcome: dict[str, Any] | LtyError) -> None:
        reply = self._replies.get(id)
        if reply is None or reply.done():
            return
        if isinstance(outcome, LtyError):
            reply.set_exception(outcome)
        else:
            reply.set_result(outcome)

    def _arm(self) -> None:
        """Have the protocol's next deadline kept. A timer that is early costs less than one for every frame."""
        at = self._core.deadline() if self._end is None else None
        if self._timer is not None and at is not None and self._timer_at <= at:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if at is not None:
            self._timer_at = at
            self._timer = self._clock.call_later(max(0.0, at - self._clock.now()), self._tick)

    def _tick(self) -> None:
        self._timer = None
        self._core.tick(self._clock.now())
        self._changed()

    def _finish(self, end: LtyError) -> None:
        if self._end is not None:
            return
        self._end = end
        if isinstance(end, Stopped):
            logger.error("%s: %s", self._endpoint.shown, end)
        for id in list(self._replies):
            self._settle(id, end)
        self._worker.end_loops(self._loop_error)
        self._states.enter(State("closed", close_code=end.close_code if isinstance(end, Stopped) else None))
        self._over.set()
        self._arm()
