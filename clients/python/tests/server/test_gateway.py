"""The client and a real server."""

from __future__ import annotations

import asyncio
import logging
import signal
from pathlib import Path
from typing import Any

import pytest

from qy_lty import (
    ClosedByAdministrator,
    FileStorage,
    Forbidden,
    LtyClient,
    NotConnected,
    Replaced,
    RequestFailed,
    Revoked,
    Unauthenticated,
)
from support.server import GatewayProcess

PATIENCE_S = 30


async def collect(client: LtyClient, count: int) -> list[Any]:
    seen: list[Any] = []
    async with client.messages() as messages:
        async for message in messages:
            seen.append(message.get("message"))
            if len(seen) == count:
                break
    return seen


def push_all(gateway: GatewayProcess, user: int, numbers: range) -> None:
    for n in numbers:
        gateway.push(user, n)


async def test_answers(gateway: GatewayProcess) -> None:
    token = gateway.token(user_id=gateway.user("answers"))
    async with LtyClient(gateway.url.replace("ws:", "http:"), token=token, role="app") as client:
        weather = await client.request("weather", city="上海")
        assert weather["data"]["weather"]["now"] == {"temp": "25", "text": "晴", "icon": "100"}
        assert (await client.request("chat_message", "你好"))["message"] == "收到消息:你好"
        assert (await client.request("sing", song="青花瓷"))["data"]["action"] == "start_singing"
        assert (await client.request("ping"))["type"] == "pong"
        with pytest.raises(RequestFailed) as caught:
            await client.request("fly")
        assert caught.value.code == "UNSUPPORTED_TYPE"
        with pytest.raises(RequestFailed) as caught:
            await client.request("chat_message", "x" * 20_000)
        assert caught.value.code == "MESSAGE_TOO_LARGE"


async def test_no_log_holds_the_token(gateway: GatewayProcess, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    token = gateway.token(user_id=gateway.user("secret"))
    async with LtyClient(gateway.url, token=token) as client:
        await client.request("ping")
    with pytest.raises(NotConnected):
        await LtyClient("ws://127.0.0.1:1", token=token).connect(timeout_s=2)
    assert token not in caplog.text
    assert "cannot connect to ws://127.0.0.1:1: Connection refused" in caplog.text


async def test_gets_what_it_missed_and_nothing_twice(gateway: GatewayProcess, tmp_path: Path) -> None:
    user = gateway.user("missed")
    token = gateway.token(device_id=gateway.device("missed", user))
    storage = FileStorage(tmp_path / "place.json")
    await asyncio.to_thread(push_all, gateway, user, range(3))
    async with LtyClient(gateway.url, token=token, storage=storage) as client:
        assert await asyncio.wait_for(collect(client, 3), PATIENCE_S) == [0, 1, 2]
    await asyncio.to_thread(push_all, gateway, user, range(3, 6))
    async with LtyClient(gateway.url, token=token, storage=storage) as client:
        assert await asyncio.wait_for(collect(client, 3), PATIENCE_S) == [3, 4, 5]


async def test_a_message_that_was_not_finished_comes_again(gateway: GatewayProcess) -> None:
    user = gateway.user("unfinished")
    token = gateway.token(device_id=gateway.device("unfinished", user))
    await asyncio.to_thread(push_all, gateway, user, range(2))
    with pytest.raises(KeyError):
        async with LtyClient(gateway.url, token=token) as client:
            async for message in client.messages():
                if message["message"] == 1:
                    raise KeyError("lost")
    async with LtyClient(gateway.url, token=token) as client:
        assert await asyncio.wait_for(collect(client, 1), PATIENCE_S) == [1]


async def test_terminal_closes(gateway: GatewayProcess) -> None:
    with pytest.raises(Unauthenticated):
        await LtyClient(gateway.url, token="lty_" + "x" * 43).connect()
    with pytest.raises(Forbidden):
        await LtyClient(gateway.url, token=gateway.token(service="kitchen")).connect()

    user = gateway.user("closes")
    issued = gateway.api("POST", "/api/tokens/", {"device_id": gateway.device("closes", user)})
    first, second = (LtyClient(gateway.url, token=issued["token"]) for _ in range(2))
    async with first, second:
        with pytest.raises(Replaced):
            await asyncio.wait_for(first.wait_closed(), PATIENCE_S)
        await asyncio.to_thread(gateway.api, "DELETE", f"/api/tokens/{issued['id']}/")
        with pytest.raises(Revoked):
            await asyncio.wait_for(second.wait_closed(), PATIENCE_S)

    client = LtyClient(gateway.url, token=gateway.token(user_id=user))
    sessions: asyncio.Queue[Any] = asyncio.Queue()
    client.on("connection_status")(sessions.put_nowait)
    async with client:
        session = (await sessions.get())["session_id"]
        await asyncio.to_thread(gateway.api, "DELETE", f"/api/connections/{session}/")
        with pytest.raises(ClosedByAdministrator):
            await asyncio.wait_for(client.wait_closed(), PATIENCE_S)


async def test_an_expiring_token_is_refreshed_and_no_message_lost(gateway: GatewayProcess) -> None:
    user = gateway.user("expiring")
    device = gateway.device("expiring", user)
    given: list[str] = []

    async def token() -> str:
        given.append(await asyncio.to_thread(lambda: gateway.token(device_id=device, expires_in_s=2)))
        return given[-1]

    client = LtyClient(gateway.url, token=token, random=lambda: 0.0)
    sent = 0
    async with client, client.messages() as messages:
        while len(given) < 4:
            await asyncio.to_thread(gateway.push, user, sent)
            sent += 1
        seen = [(await asyncio.wait_for(messages.__anext__(), PATIENCE_S)).get("message") for _ in range(sent)]
    assert seen == list(range(sent))
    assert len(set(given)) >= 4


async def test_comes_back_after_a_restart_that_says_bye() -> None:
    with GatewayProcess() as gateway:
        user = gateway.user("restart")
        client = LtyClient(gateway.url, token=gateway.token(device_id=gateway.device("restart", user)))
        byes: list[Any] = []
        client.on("bye")(byes.append)
        greetings: asyncio.Queue[Any] = asyncio.Queue()
        client.on("connection_status")(greetings.put_nowait)
        async with client:
            await greetings.get()
            asking = asyncio.create_task(collect(client, 2))
            await asyncio.to_thread(gateway.push, user, 1)
            await asyncio.to_thread(gateway.end, signal.SIGTERM)
            await asyncio.to_thread(gateway.serve)
            await asyncio.wait_for(greetings.get(), PATIENCE_S)
            await asyncio.to_thread(gateway.push, user, 2)
            assert await asyncio.wait_for(asking, PATIENCE_S) == [1, 2]
        assert [bye["reason"] for bye in byes] == ["service restart"]
