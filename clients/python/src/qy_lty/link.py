"""The connections of a client, one after another: dialled, read from, written to, closed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Final

from .clock import Clock
from .credential import TokenSource
from .endpoint import Endpoint
from .errors import Stopped, one_line
from .outcomes import Retry, Stop
from .protocol import ABNORMAL, ClientProtocol
from .state import State, States
from .transport import Connection, ConnectionFailed, ConnectionLost, Connector
from .waiting import first_of, within

logger = logging.getLogger("qy_lty")

DIAL_S: Final = 20.0
"""A token and a connection have so long to come about."""


class Link:
    """Keeps a connection, and comes back where the protocol says so. `changed` is called after anything happened."""

    def __init__(
        self,
        core: ClientProtocol,
        endpoint: Endpoint,
        token: TokenSource,
        connector: Connector,
        clock: Clock,
        states: States,
        changed: Callable[[], None],
    ) -> None:
        self.connection: Connection | None = None
        """The one that is open; None while there is none, or it is on its way to its end."""
        self.why = "not tried yet"
        """What the last attempt met, in a line."""
        self._core = core
        self._endpoint = endpoint
        self._token = token
        self._connector = connector
        self._clock = clock
        self._states = states
        self._changed = changed
        self._to_send = asyncio.Event()
        self._sent = asyncio.Event()
        self._closing: set[asyncio.Task[None]] = set()

    async def run(self, over: asyncio.Event) -> Stopped:
        """Connect, again and again, and return what makes that useless. `over` ends the waiting between."""
        while True:
            outcome = await self._once(over)
            self._changed()
            if isinstance(outcome, Stop):
                return outcome.error
            self._states.enter(State("waiting", delay_s=outcome.delay_s))
            await first_of(self._clock, outcome.delay_s, over)

    def look(self) -> None:
        """See what the protocol has to send, and whether it wants the connection closed."""
        closing, connection = self._core.closing, self.connection
        if closing is not None and connection is not None:
            self.connection = None
            if closing.abort:
                connection.abort()
            else:
                task = asyncio.create_task(connection.close(closing.reason))
                self._closing.add(task)
                task.add_done_callback(self._closing.discard)
        self._to_send.set()

    async def flush(self, grace_s: float, over: asyncio.Event) -> None:
        """Wait, a while at most, until what waits is sent, where the connection is up."""
        if self.connection is None or not self._core.has_outgoing:
            return
        self._sent.clear()
        await first_of(self._clock, grace_s, self._sent, over)

    async def closed(self) -> None:
        """Wait for connections that are being closed."""
        if self._closing:
            await asyncio.wait(self._closing)

    async def _once(self, over: asyncio.Event) -> Retry | Stop:
        """One connection, from the dialling to its end."""
        self._states.enter(State("connecting"))
        try:
            dialled = await within(self._clock, DIAL_S, self._dial())
        except ConnectionFailed as error:
            return self._failed(str(error))
        except TimeoutError:
            return self._failed(f"no connection within {DIAL_S:g} s")
        if isinstance(dialled, Stop):
            return dialled
        connection = self.connection = dialled
        self._core.opened(self._clock.now())
        self._changed()
        writing = asyncio.create_task(self._write(connection))
        try:
            while True:
                self._core.received(await connection.receive(), self._clock.now())
                self._changed()
        except ConnectionLost as lost:
            self.why = one_line(f"closed with {lost.code} {lost.reason}")
            logger.info("connection to %s %s", self._endpoint.shown, self.why)
            return self._core.lost(lost.code, lost.reason, self._clock.now())
        finally:
            self.connection = None
            writing.cancel()
            if over.is_set():
                with contextlib.suppress(Exception):
                    await asyncio.shield(connection.close(""))

    async def _dial(self) -> Connection | Stop:
        token = await self._token.fresh()
        end = self._core.authorize(token)
        if end is not None:
            return end
        return await self._connector(self._endpoint.at(self._core.claims()), {"Authorization": f"Bearer {token}"})

    def _failed(self, why: str) -> Retry | Stop:
        self.why = one_line(why)
        logger.warning("cannot connect to %s: %s", self._endpoint.shown, self.why)
        return self._core.lost(ABNORMAL, why, self._clock.now())

    async def _write(self, connection: Connection) -> None:
        try:
            while True:
                for text in self._core.outgoing():
                    await connection.send(text)
                self._to_send.clear()
                if not self._core.has_outgoing:
                    self._sent.set()
                    await self._to_send.wait()
                    self._sent.clear()
        except ConnectionLost:
            pass  # The reader knows it too, and says why.
