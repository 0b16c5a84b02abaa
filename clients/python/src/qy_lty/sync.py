"""The client for programs without asyncio: the same, on a thread of its own.

from qy_lty.sync import LtyClient

with LtyClient("ws://127.0.0.1:8000", token=token) as client:
    print(client.request("weather", city="上海"))
    for message in client.messages():
        print(message)
"""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from types import TracebackType
from typing import Any, TypeVar

from .client import GRACE_S
from .client import LtyClient as AsyncLtyClient
from .frames import Pushed, ReliableConnectionStatus
from .loops import Messages
from .typed import TypedListeners, TypedSyncRequests

T = TypeVar("T")


class LtyClient(TypedSyncRequests, TypedListeners):
    """As `qy_lty.LtyClient`, which says what the options are; its methods wait. May be used from several threads.

    Handlers run on threads, one at a time; coroutine functions on the client's event loop.
    """

    def __init__(self, url: str = "ws://127.0.0.1:8000", **options: Any) -> None:
        self._events = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._events.run_forever, name="qy_lty", daemon=True)
        self._thread.start()
        try:
            self._client = self._wait(_made(url, options))
        except BaseException:
            self._end_thread()
            raise

    def __repr__(self) -> str:
        return repr(self._client)

    @property
    def is_online(self) -> bool:
        """Whether the connection is up as far as is known."""
        return self._client.is_online

    def connect(self, timeout_s: float | None = None) -> ReliableConnectionStatus:
        """Connect, and return the server's greeting: see `qy_lty.LtyClient.connect`."""
        return self._wait(self._client.connect(timeout_s))

    def close(self, grace_s: float = GRACE_S) -> None:
        """End it: see `qy_lty.LtyClient.close`. A second call does nothing."""
        if self._events.is_closed():
            return
        self._wait(self._client.close(grace_s))
        self._end_thread()

    def wait_closed(self) -> None:
        """Wait until it is over: see `qy_lty.LtyClient.wait_closed`."""
        self._wait(self._client.wait_closed())

    def send(self, type: str, message: Any = None) -> None:
        """Send a frame without awaiting a reply: see `qy_lty.LtyClient.send`."""
        self._wait(self._client.send(type, message))

    def messages(self, *types: str) -> Iterator[Pushed]:
        """Iterate over messages; each is acknowledged when the loop asks for the next: see `qy_lty.Messages`."""
        return _SyncMessages(self, self._wait(self._messages(types)))

    def __enter__(self) -> LtyClient:
        """Connect, and return itself."""
        try:
            self.connect()
        except BaseException:
            self.close(0)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    async def _messages(self, types: tuple[str, ...]) -> Messages:
        return self._client.messages(*types)

    def _ask(self, type: str, message: Any, timeout_s: float | None) -> Any:
        return self._wait(self._client._ask(type, message, timeout_s))

    def _listen(self, type: str, handler: Callable[[Any], Awaitable[None] | None]) -> None:
        @functools.wraps(handler)
        async def on_thread(frame: Any) -> None:
            result = await asyncio.to_thread(handler, frame)
            if result is not None:
                await result

        self._events.call_soon_threadsafe(self._client._listen, type, on_thread)

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        if self._events.is_closed():
            work.close()
            raise RuntimeError("the client is closed")
        waiting = asyncio.run_coroutine_threadsafe(work, self._events)
        try:
            return waiting.result()
        except BaseException:
            # Ctrl-C ends the waiting, and with it what was waited for.
            waiting.cancel()
            raise

    def _end_thread(self) -> None:
        self._events.call_soon_threadsafe(self._events.stop)
        self._thread.join()
        self._events.close()


class _SyncMessages(Iterator[Pushed]):
    def __init__(self, client: LtyClient, messages: Messages) -> None:
        self._client = client
        self._messages = messages

    def __next__(self) -> Pushed:
        try:
            return self._client._wait(_next(self._messages))
        except StopAsyncIteration:
            raise StopIteration from None


async def _next(messages: Messages) -> Pushed:
    return await messages.__anext__()


async def _made(url: str, options: dict[str, Any]) -> AsyncLtyClient:
    # Its events belong to the loop that it is made on.
    return AsyncLtyClient(url, **options)
