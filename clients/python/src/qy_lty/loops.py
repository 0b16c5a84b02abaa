"""`async for message in client.messages()`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from types import TracebackType
from typing import Any, Protocol

from .frames import Pushed


class LeftLoop(Exception):
    """A loop was left before it asked for the next message."""


class _Host(Protocol):
    """What a loop needs of its client."""

    def _loop_ended(self, loop: MessageLoop) -> None: ...


class MessageLoop:
    """Where the client hands messages to one `async for`. The client knows this, the program holds `Messages`."""

    def __init__(self, host: _Host, types: frozenset[str]) -> None:
        self._host = host
        self._types = types
        self._frame: Any = None
        self._done: asyncio.Future[None] | None = None
        self._news = asyncio.Event()
        self._end: Callable[[], BaseException] | None = None
        self.is_out = False
        """Whether the program is at work on a message."""

    def wants(self, type: str) -> bool:
        """Tell whether messages of this type are for the loop."""
        return not self._types or type in self._types

    async def __call__(self, frame: Any) -> None:
        """Hand over a message; returns when the loop asks for the next. Raises LeftLoop."""
        if self._end is not None:
            raise LeftLoop
        self._done = asyncio.get_running_loop().create_future()
        self._frame = frame
        self._news.set()
        await self._done

    async def next(self) -> Any:
        """Finish with the message before, and return the next. Raises what ended the loop."""
        self.finish()
        while self._frame is None:
            if self._end is not None:
                raise self._end()
            self._news.clear()
            await self._news.wait()
        frame, self._frame, self.is_out = self._frame, None, True
        return frame

    def finish(self) -> None:
        """Count the message that is out as handled."""
        if self.is_out:
            self.is_out = False
            self._settle(None)

    def end(self, error: Callable[[], BaseException]) -> None:
        """Take no more; a message that is out, or on its way, was not handled."""
        if self._end is not None:
            return
        self._end, self._frame, self.is_out = error, None, False
        self._settle(LeftLoop())
        self._news.set()
        self._host._loop_ended(self)

    def _settle(self, error: LeftLoop | None) -> None:
        done, self._done = self._done, None
        if done is None or done.done():
            return
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)


class Messages(AsyncIterator[Pushed]):
    """The messages, one after another. Each counts as handled, and is acknowledged, when the loop asks for the next.

    One whose loop was left, by an exception or by `break`, does not, and comes again. Where `break` should count it as
    handled, iterate inside `async with client.messages() as messages:`: leaving that without an exception does.
    """

    def __init__(self, loop: MessageLoop) -> None:
        self._loop = loop
        self._events = asyncio.get_running_loop()

    def __aiter__(self) -> Messages:
        """Return itself."""
        return self

    async def __anext__(self) -> Pushed:
        """Wait for the next message. Raises what ended the client for good; a `close()` just ends the loop."""
        frame: Pushed = await self._loop.next()
        return frame

    async def __aenter__(self) -> Messages:
        """Return itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Count the message at hand as handled unless an exception got here, and take no more."""
        if kind is None:
            self._loop.finish()
        self._loop.end(StopAsyncIteration)

    def __del__(self) -> None:
        """Take no more: nobody can ask any longer."""
        if not self._events.is_closed():
            self._events.call_soon_threadsafe(self._loop.end, StopAsyncIteration)
