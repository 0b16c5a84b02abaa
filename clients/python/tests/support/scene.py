"""What unit tests share."""

from __future__ import annotations

import asyncio
from typing import Any

from qy_lty import LtyClient
from qy_lty.testing import FakeGateway, FakeLink, ManualClock, settle


class Scene:
    """A client, its gateway, and a clock that stands still. Jitter is the longest that is allowed."""

    def __init__(self) -> None:
        self.gateway = FakeGateway()
        self.clock = ManualClock()
        self.clients: list[LtyClient] = []

    def client(self, **options: Any) -> LtyClient:
        given = {"token": "t", "connector": self.gateway, "clock": self.clock, "random": lambda: 1.0}
        client = LtyClient("ws://gateway:8000", **{**given, **options})
        self.clients.append(client)
        return client

    async def greeted(self, client: LtyClient, **members: Any) -> FakeLink:
        """Connect for the first time."""
        connecting = asyncio.create_task(client.connect())
        link = await self.gateway.accept()
        link.greet(**members)
        await connecting
        return link

    async def again(self, **members: Any) -> FakeLink:
        """Let the time of the next attempt come, and greet."""
        link = await self.dialled()
        link.greet(**members)
        await settle()
        return link

    async def dialled(self, most_s: int = 31) -> FakeLink:
        """Let the time of the next attempt come."""
        for _ in range(most_s):
            await settle()
            if self.gateway.has_link:
                break
            await self.clock.advance(1)
        return await self.gateway.accept()


class Recorder:
    """A handler that notes what it gets, and can be held or made to fail."""

    def __init__(self) -> None:
        self.seen: list[Any] = []
        self.failures = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, frame: Any) -> None:
        self.seen.append(frame.get("message_id", frame["type"]))
        await self.gate.wait()
        if self.failures > 0:
            self.failures -= 1
            raise RuntimeError("no")
