"""Bytes: a port, and the `websockets` library behind it."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from typing import Protocol

import websockets.asyncio.client as ws
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI
from websockets.typing import Subprotocol

from .errors import one_line
from .tables import SUBPROTOCOL

OPEN_S = 10.0
CLOSE_S = 2.0
MOST_BYTES = 1 << 20


class ConnectionFailed(Exception):
    """No connection was made; the text is one line, without a credential."""


class ConnectionLost(Exception):
    """The connection is over."""

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason


class Connection(Protocol):
    """One open WebSocket."""

    async def send(self, text: str) -> None:
        """Send a text frame; waits while the peer is slow. Raises ConnectionLost."""

    async def receive(self) -> str:
        """Return the next text frame. Raises ConnectionLost."""

    async def close(self, reason: str) -> None:
        """Close with 1000, and wait for the peer's answer, a moment at most."""

    def abort(self) -> None:
        """Drop it at once; `receive` then raises."""


class Connector(Protocol):
    """Opens connections."""

    async def __call__(self, url: str, headers: Mapping[str, str]) -> Connection:
        """Open one, offering `lty.v1`. Raises ConnectionFailed."""


class _KeepSecret(logging.Filter):
    """At level DEBUG `websockets` writes down what it sends, headers and all."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno > logging.DEBUG


_logger = logging.getLogger("qy_lty.websockets")
_logger.addFilter(_KeepSecret())


class _Connect(ws.connect):
    """A redirect would take the credential somewhere else."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


class WebSocketConnection:
    """A connection of the `websockets` library."""

    def __init__(self, socket: ws.ClientConnection) -> None:
        self.socket = socket

    async def send(self, text: str) -> None:
        """Send a text frame."""
        try:
            await self.socket.send(text)
        except ConnectionClosed as closed:
            raise _lost(closed) from None

    async def receive(self) -> str:
        """Return the next text frame; binary ones, which no server sends, are passed over."""
        try:
            while not isinstance(frame := await self.socket.recv(), str):
                pass
        except ConnectionClosed as closed:
            raise _lost(closed) from None
        return frame

    async def close(self, reason: str) -> None:
        """Close with 1000."""
        await self.socket.close(1000, reason)

    def abort(self) -> None:
        """Drop the TCP connection."""
        self.socket.transport.abort()


async def connect_websocket(url: str, headers: Mapping[str, str]) -> WebSocketConnection:
    """Open a WebSocket by the `websockets` library."""
    try:
        socket = await _Connect(
            url,
            additional_headers=dict(headers),
            subprotocols=[Subprotocol(SUBPROTOCOL)],
            compression=None,
            open_timeout=OPEN_S,
            close_timeout=CLOSE_S,
            # The heartbeat is the protocol's own.
            ping_interval=None,
            max_size=MOST_BYTES,
            logger=_logger,
        )
    except InvalidStatus as refused:
        raise ConnectionFailed(f"the server answered HTTP {refused.response.status_code}") from None
    except TimeoutError:
        raise ConnectionFailed(f"no answer within {OPEN_S:g} s") from None
    except OSError as error:
        raise ConnectionFailed(one_line(os.strerror(error.errno) if error.errno else error)) from None
    except (InvalidHandshake, InvalidURI, EOFError, ValueError) as error:
        # Their text may hold the address, and with it a token.
        raise ConnectionFailed(f"no WebSocket there ({type(error).__name__})") from None
    return WebSocketConnection(socket)


def _lost(closed: ConnectionClosed) -> ConnectionLost:
    # Only what the peer said counts; a close of ours is known to whoever asked for it, and its echo says no more:
    # `websockets` closes by itself where a frame is too large or none at all.
    is_echo = closed.rcvd is not None and not closed.rcvd_then_sent and closed.rcvd == closed.sent
    if closed.rcvd is None or is_echo:
        return ConnectionLost(1006)
    return ConnectionLost(closed.rcvd.code, closed.rcvd.reason)
