"""Who handles what: one message after another to its handlers and loops, then its place, then its acknowledgement."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from .clock import Clock
from .errors import one_line
from .inbox import PROTOCOL_TYPES, Delivery
from .loops import LeftLoop, MessageLoop
from .protocol import ClientProtocol
from .storage import Storage
from .waiting import first_of

logger = logging.getLogger("qy_lty")

MOST_TELLING = 1024

Handler = Callable[[Any], Awaitable[None] | None]


class Worker:
    """Takes messages out of the protocol, and tells it what became of them."""

    def __init__(self, core: ClientProtocol, clock: Clock, storage: Storage, changed: Callable[[], None]) -> None:
        self._core = core
        self._clock = clock
        self._storage = storage
        self._changed = changed
        self._handlers: dict[str, list[Handler]] = {}
        self._error_listeners: list[Callable[[Exception], None]] = []
        self._telling: set[asyncio.Future[None]] = set()
        self._loops: list[MessageLoop] = []
        self._had_loops = False
        self._news = asyncio.Event()
        self._resting = asyncio.Event()
        self._resting.set()
        self._save_due = False
        self._task: asyncio.Task[Any] | None = None
        # Who is done with which message: they get it no second time because another failed.
        self._done: tuple[str, list[Handler | MessageLoop]] | None = None
        # The message that a loop was left with: handlers alone do not make up for that.
        self._left: str | None = None

    # ── who listens ──

    def listen(self, type: str, handler: Handler) -> None:
        """Add a handler, of a type or of all (`*`)."""
        self._handlers.setdefault(type, []).append(handler)
        self.wake()

    def _handlers_of(self, type: str) -> list[Handler]:
        # A message may be of the type `*`: it is for those of all types once.
        types = {type: None, "*": None}
        return [handler for one in types for handler in self._handlers.get(one, ())]

    def add_loop(self, loop: MessageLoop) -> None:
        """Add a loop."""
        self._had_loops = True
        self._loops.append(loop)
        self.wake()

    def _loop_ended(self, loop: MessageLoop) -> None:
        if loop in self._loops:
            self._loops.remove(loop)

    def end_loops(self, error: Callable[[], BaseException]) -> None:
        """End every loop; what it was at is not handled."""
        for loop in list(self._loops):
            loop.end(error)

    def on_error(self, listener: Callable[[Exception], None]) -> None:
        """Add who is told of errors that nobody waits for."""
        self._error_listeners.append(listener)

    def tell(self, frame: Any) -> None:
        """Give a frame that is no message to its handlers, at once: a slow message does not hold it up."""
        for handler in self._handlers_of(frame["type"]):
            if len(self._telling) >= MOST_TELLING:
                logger.warning("handlers of %r are too slow", one_line(frame["type"]))
                return
            task = asyncio.ensure_future(self._tell(handler, frame))
            self._telling.add(task)
            task.add_done_callback(self._telling.discard)

    async def _tell(self, handler: Handler, frame: Any) -> None:
        try:
            result = handler(frame)
            if inspect.isawaitable(result):
                await result
        except Exception as error:
            self._report(f"a handler of {frame['type']!r} failed", error)

    def _report(self, what: str, error: Exception) -> None:
        logger.error("%s: %s", one_line(what), one_line(f"{type(error).__name__}: {error}"))
        logger.debug("it failed here", exc_info=error)
        for listener in self._error_listeners:
            try:
                listener(error)
            except Exception as own:
                logger.error("a listener of errors failed: %s", one_line(f"{type(own).__name__}: {own}"))

    # ── the work ──

    def wake(self) -> None:
        """Look again: something arrived, or somebody listens."""
        self._news.set()

    def save_soon(self) -> None:
        """Save the place before the next message."""
        self._save_due = True

    @property
    def is_current(self) -> bool:
        """Whether a handler asks this."""
        return self._task is not None and self._task is asyncio.current_task()

    async def rest(self, grace_s: float) -> None:
        """Wait, a while at most, until no handler is at work. A loop is not waited for: it may be who asks."""
        if any(loop.is_out for loop in self._loops):
            return
        await first_of(self._clock, grace_s, self._resting)

    async def run(self) -> None:
        """Work until cancelled."""
        self._task = asyncio.current_task()
        try:
            while True:
                self._news.clear()
                if self._save_due:
                    self._save_due = False
                    await self._save()
                head = self._core.head()
                takers = self._takers(head) if head is not None else None
                if takers is None:
                    self._changed_quietly()
                    await self._news.wait()
                    continue
                delivery = self._core.take(self._clock.now())
                if delivery is not None:
                    self._resting.clear()
                    # From now on it has to say that it is at work.
                    self._changed()
                    await self._handle(delivery, takers)
                    self._changed()
                    self._resting.set()
        finally:
            self._resting.set()

    def _changed_quietly(self) -> None:
        # Duplicates at the head were acknowledged just now. `_changed` wakes this worker, which has looked already.
        if self._core.has_outgoing:
            self._changed()
            self._news.clear()

    def _takers(self, head: Delivery) -> list[Handler | MessageLoop] | None:
        """Return who gets it: perhaps nobody, and it is done with; None: it waits for somebody to listen."""
        type = head.frame["type"]
        loops = [loop for loop in self._loops if loop.wants(type)]
        if self._left is not None and self._left == head.message_id and not loops:
            return None
        takers: list[Handler | MessageLoop] = [*self._handlers_of(type), *loops]
        if takers or head.seq is None or self._loops:
            return takers
        listens = any(type not in PROTOCOL_TYPES for type in self._handlers)
        return takers if listens and not self._had_loops else None

    async def _handle(self, delivery: Delivery, takers: list[Handler | MessageLoop]) -> None:
        if not takers:
            logger.debug("nobody listens to %r", one_line(delivery.frame["type"]))
        done = self._done_with(delivery)
        try:
            for taker in takers:
                if not any(taker is one for one in done):
                    result = taker(delivery.frame)
                    if inspect.isawaitable(result):
                        await result
                    done.append(taker)
        except LeftLoop:
            self._left = delivery.message_id
            self._core.put_back(delivery)
        except asyncio.CancelledError:
            self._core.put_back(delivery)
            raise
        except Exception as error:
            self._report(f"a handler of {delivery.frame['type']!r} failed", error)
            self._core.failed(delivery, self._clock.now())
        else:
            self._core.handled(delivery)
            if delivery.seq is not None:
                await self._save()
            self._core.acknowledge(delivery)
            if delivery.message_id is not None:
                self._done = self._left = None

    def _done_with(self, delivery: Delivery) -> list[Handler | MessageLoop]:
        if delivery.message_id is None:
            return []
        if self._done is None or self._done[0] != delivery.message_id:
            self._done = delivery.message_id, []
        return self._done[1]

    async def _save(self) -> None:
        try:
            await self._storage.save(self._core.place)
        except Exception as error:
            # The server keeps the place too: it takes a crash and a lost acknowledgement to repeat a message now.
            self._report("the place could not be saved", error)
