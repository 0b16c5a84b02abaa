"""Lets the conformance tests drive this client: `tests/conformance/clients/README.md` says how they speak."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from qy_lty import LtyClient, Place, State, Stopped
from qy_lty.clock import LoopClock
from qy_lty.testing import ManualClock


class TextStorage:
    """Holds the place as the tests see it: texts by name."""

    def __init__(self, texts: dict[str, str]) -> None:
        self.texts = texts

    async def load(self) -> Place | None:
        text = self.texts.get("place")
        return Place.from_json(json.loads(text)) if text is not None else None

    async def save(self, place: Place) -> None:
        self.texts["place"] = json.dumps(place.to_json())


class SystemClock(LoopClock):
    """As the client's own, and it can be slept on."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class LeftByError(Exception):
    """What a loop is left with."""


def tell(line: dict[str, Any]) -> None:
    print(json.dumps(line, ensure_ascii=False), flush=True)


class Driver:
    """One client, and what is done with it."""

    def __init__(self) -> None:
        self.client: LtyClient
        self.clock: ManualClock | SystemClock
        self.storage = TextStorage({})
        self.released = asyncio.Event()
        self.requests: dict[int, asyncio.Task[Any]] = {}

    async def serve(self, operation: dict[str, Any]) -> None:
        """Do one operation, and answer it."""
        reply: dict[str, Any] = {"reply": operation["id"]}
        try:
            value = await getattr(self, f"do_{operation['op']}")(operation)
            tell({**reply, "value": value} if value is not None else reply)
        except asyncio.CancelledError:
            tell({**reply, "error": {"name": "CancelledError", "code": None, "message": "cancelled"}})
        except Exception as error:
            code = error.close_code if isinstance(error, Stopped) else getattr(error, "code", None)
            tell({**reply, "error": {"name": type(error).__name__, "code": code, "message": str(error)}})

    async def do_create(self, operation: dict[str, Any]) -> None:
        options = dict(operation["options"])
        self.clock = SystemClock() if options.pop("clock", "manual") == "system" else ManualClock()
        self.storage = TextStorage(dict(options.pop("storage", {})))
        tokens = list(options.pop("tokens", []))

        def token() -> str:
            return str(tokens.pop(0) if len(tokens) > 1 else tokens[0])

        given = {"token": token, **options} if tokens else options
        self.client = LtyClient(storage=self.storage, clock=self.clock, **given)
        self.client.on_state(self.state)
        self.client.on_error(lambda error: tell({"event": "error", "code": None, "message": str(error)}))
        self.client.on("reset")(lambda frame: self.event("reset", frame, "epoch", "lost"))
        self.client.on("skip")(lambda frame: self.event("skip", frame, "seq", "reason"))
        self.client.on("error")(lambda frame: self.event("error", frame, "code", "message"))

    async def do_connect(self, operation: dict[str, Any]) -> Any:
        return await self.client.connect()

    async def do_close(self, operation: dict[str, Any]) -> None:
        await self.client.close()

    async def do_on(self, operation: dict[str, Any]) -> None:
        act = self.actor(operation["behaviour"])

        @self.client.on(operation["type"])
        async def handle(frame: Any) -> None:
            await self.handle(frame, act)

    async def do_messages(self, operation: dict[str, Any]) -> None:
        behaviour = operation["behaviour"]
        act = self.actor(behaviour)
        turn = 0
        async for frame in self.client.messages():
            turn += 1
            await self.handle(frame, act)
            if behaviour["kind"] == "break" and turn == behaviour["after"]:
                break
            if behaviour["kind"] == "leave" and turn == behaviour["after"]:
                raise LeftByError("left")

    async def do_request(self, operation: dict[str, Any]) -> Any:
        timeout = {"timeout_s": operation["timeout_ms"] / 1000} if "timeout_ms" in operation else {}
        asking = asyncio.ensure_future(self.client.request(operation["type"], operation.get("message"), **timeout))
        self.requests[operation["id"]] = asking
        return await asking

    async def do_abort(self, operation: dict[str, Any]) -> None:
        self.requests[operation["request"]].cancel()

    async def do_release(self, operation: dict[str, Any]) -> None:
        self.released.set()
        self.released = asyncio.Event()

    async def do_advance(self, operation: dict[str, Any]) -> None:
        if isinstance(self.clock, ManualClock):
            await self.clock.advance(operation["ms"] / 1000)

    async def do_storage(self, operation: dict[str, Any]) -> dict[str, str]:
        return self.storage.texts

    async def handle(self, frame: Any, act: Callable[[], Awaitable[None]]) -> None:
        self.event("message", frame, "type", "message_id", "seq", "message", "redelivered")
        try:
            await act()
        except Exception:
            self.event("failed", frame, "message_id")
            raise
        self.event("handled", frame, "message_id")

    def actor(self, behaviour: dict[str, Any]) -> Callable[[], Awaitable[None]]:
        """Return what a handler of this behaviour does."""
        failures = behaviour.get("times", 0)

        async def act() -> None:
            nonlocal failures
            if behaviour["kind"] == "slow":
                await self.clock.sleep(behaviour["ms"] / 1000)
            elif behaviour["kind"] == "hold":
                await self.released.wait()
            elif behaviour["kind"] == "throw" and failures > 0:
                failures -= 1
                raise RuntimeError("as asked")

        return act

    def state(self, state: State) -> None:
        more: dict[str, Any] = {}
        if state.name == "waiting":
            more = {"delay_ms": (state.delay_s or 0) * 1000}
        elif state.name == "closed":
            more = {"code": state.close_code}
        tell({"event": "state", "state": state.name, **more})

    def event(self, name: str, frame: Any, *members: str) -> None:
        tell({"event": name, **{member: frame.get(member) for member in members}})


async def main() -> None:
    driver = Driver()
    lines = asyncio.StreamReader(limit=1 << 22)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    working: set[asyncio.Task[None]] = set()
    while line := await lines.readline():
        task = asyncio.create_task(driver.serve(json.loads(line)))
        working.add(task)
        task.add_done_callback(working.discard)
    for task in working:
        task.cancel()


asyncio.run(main())
