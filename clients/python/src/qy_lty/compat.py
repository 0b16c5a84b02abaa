"""The Python client of the original document (§6.2), by name and behaviour, on top of `LtyClient`.

A program needs to change its import only. It gains what its class did not have: it comes back for as long as it takes,
gets what it missed, acknowledges what it handled, and `connect()` returns once it is connected, so that the lines after
it run.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from .client import LtyClient
from .errors import LtyError, OutboxFull
from .storage import MemoryStorage, Storage
from .transport import WebSocketConnection

logger = logging.getLogger("qy_lty")

MessageHandler = Callable[[Any], Awaitable[None] | None]


class DeviceWebSocketClient:
    """`DeviceWebSocketClient` of the original document. `storage` is new: it keeps the place over restarts."""

    def __init__(self, token: str, base_url: str = "ws://localhost:8000", *, storage: Storage | None = None) -> None:
        self.token = token
        self.base_url = base_url
        self.message_handlers: dict[str, MessageHandler] = {}
        """The handler of each type."""
        self.running = False
        """Whether it was connected, and not disconnected since."""
        # The place outlives the connection: what was handled before `disconnect` is not handled again.
        self._storage: Storage = storage if storage is not None else MemoryStorage()
        self._client: LtyClient | None = None

    @property
    def websocket(self) -> Any:
        """The connection of the `websockets` library; None while there is none."""
        connection = self._client._connection if self._client is not None else None
        return connection.socket if isinstance(connection, WebSocketConnection) else None

    async def connect(self) -> None:
        """Connect, however long that takes, and return once the server has greeted. What arrives goes to the handlers.

        Raises `qy_lty.Stopped` where the server will not have it.
        """
        if self._client is None or not self.running:
            self._client = LtyClient(self.base_url, token=self.token, storage=self._storage)
            self._client.on("*")(self._handle)
        try:
            await self._client.connect()
        except LtyError as error:
            logger.error("no connection: %s", error)
            raise
        self.running = True
        logger.info("connected")

    async def disconnect(self) -> None:
        """Close the connection, and do not come back."""
        self.running = False
        if self._client is not None:
            await self._client.close()
            logger.info("disconnected")

    async def send_message(self, message_type: str, message_content: Any) -> None:
        """Send a frame; while the connection is down, once it is back.

        Raises ConnectionError before `connect`, after `disconnect`, and when too much waits to be sent.
        """
        if self._client is None or not self.running:
            raise ConnectionError("not connected")
        try:
            await self._client.send(message_type, message_content)
        except OutboxFull as error:
            raise ConnectionError(str(error)) from error

    async def listen_for_messages(self) -> None:
        """Wait until the connection is over for good. Messages are handled with or without it."""
        if self._client is None:
            return
        try:
            await self._client.wait_closed()
        except LtyError as error:
            logger.info("the connection is over: %s", error)
        finally:
            self.running = False

    async def handle_message(self, data: dict[str, Any]) -> None:
        """Give a frame to the handler of its type. One that raises gets it again after a reconnect."""
        handler = self.message_handlers.get(str(data.get("type")))
        if handler is None:
            logger.info("received: %s", data)
            return
        result = handler(data)
        if inspect.isawaitable(result):
            await result

    def register_handler(self, message_type: str, handler: MessageHandler) -> None:
        """Set the handler of a type; an earlier one is forgotten."""
        self.message_handlers[message_type] = handler

    async def send_chat_message(self, message: str) -> None:
        """Send `chat_message`."""
        await self.send_message("chat_message", message)

    async def request_weather(self, city: str) -> None:
        """Send `weather`; the answer goes to the handler of `weather_response`."""
        await self.send_message("weather", {"city": city})

    async def request_sing(self, song: str, artist: str) -> None:
        """Send `sing`; the answer goes to the handler of `sing_response`."""
        await self.send_message("sing", {"song": song, "artist": artist})

    async def _handle(self, frame: dict[str, Any]) -> None:
        # By name, so that a subclass may handle frames its own way.
        await self.handle_message(frame)
