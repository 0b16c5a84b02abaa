"""Client of the qy-lty realtime gateway: asyncio, typed, and it loses nothing.

    from qy_lty import LtyClient

    async with LtyClient("ws://127.0.0.1:8000", token=token) as client:
        print(await client.request("weather", city="上海"))

`qy_lty.sync` is for programs without asyncio, `qy_lty.testing` for tests, `qy_lty.frames` has the types of all frames,
`qy_lty.protocol` the protocol without I/O, and `python -m qy_lty` is a test client for the terminal.
"""

from .client import LtyClient
from .compat import DeviceWebSocketClient
from .errors import (
    ClientClosed,
    ClosedByAdministrator,
    Forbidden,
    FrameTooBig,
    LtyError,
    NoDevice,
    NotConnected,
    OutboxFull,
    Replaced,
    RequestFailed,
    RequestTimedOut,
    Revoked,
    Stopped,
    Unauthenticated,
)
from .loops import Messages
from .place import Place
from .state import State
from .storage import FileStorage, MemoryStorage, Storage

__all__ = [
    "ClientClosed",
    "ClosedByAdministrator",
    "DeviceWebSocketClient",
    "FileStorage",
    "Forbidden",
    "FrameTooBig",
    "LtyClient",
    "LtyError",
    "MemoryStorage",
    "Messages",
    "NoDevice",
    "NotConnected",
    "OutboxFull",
    "Place",
    "Replaced",
    "RequestFailed",
    "RequestTimedOut",
    "Revoked",
    "State",
    "Stopped",
    "Storage",
    "Unauthenticated",
]

__version__ = "0.1.0"
