"""`DeviceWebSocketClient`: the names and the behaviour of the class in the original document."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from qy_lty import DeviceWebSocketClient, LtyClient, Unauthenticated
from qy_lty.testing import FakeGateway, FakeLink, ManualClock, settle

MEMBERS = {
    *("token", "base_url", "websocket", "message_handlers", "running"),
    *("connect", "disconnect", "send_message", "listen_for_messages", "handle_message", "register_handler"),
    *("send_chat_message", "request_weather", "request_sing"),
}


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> FakeGateway:
    gateway = FakeGateway()

    def fake(url: str, **options: Any) -> LtyClient:
        return LtyClient(url, connector=gateway, clock=ManualClock(), **options)

    monkeypatch.setattr("qy_lty.compat.LtyClient", fake)
    return gateway


async def connected(client: DeviceWebSocketClient, gateway: FakeGateway) -> FakeLink:
    connecting = asyncio.create_task(client.connect())
    link = await gateway.accept()
    link.greet(consumer="user:1")
    await connecting
    return link


async def test_has_every_member() -> None:
    client = DeviceWebSocketClient("t")
    assert {name for name in MEMBERS if not hasattr(client, name)} == set()
    assert (client.token, client.base_url, client.running) == ("t", "ws://localhost:8000", False)
    assert client.websocket is None
    assert client.message_handlers == {}


async def test_says_what_the_original_says(gateway: FakeGateway) -> None:
    client = DeviceWebSocketClient("t", "ws://host:1")
    link = await connected(client, gateway)
    assert client.running
    assert link.url.startswith("ws://host:1/ws/device/")
    await client.send_chat_message("你好")
    await client.request_weather("上海")
    await client.request_sing("青花瓷", "周杰伦")
    await client.send_message("ping", {})
    assert await link.rest() == [
        {"type": "chat_message", "message": "你好"},
        {"type": "weather", "message": {"city": "上海"}},
        {"type": "sing", "message": {"song": "青花瓷", "artist": "周杰伦"}},
        {"type": "ping", "message": {}},
    ]
    await client.disconnect()
    assert not client.running
    with pytest.raises(ConnectionError):
        await client.send_chat_message("?")


async def test_every_frame_goes_to_the_one_handler_of_its_type(gateway: FakeGateway) -> None:
    client = DeviceWebSocketClient("t")
    seen: list[str] = []

    async def first(data: dict[str, Any]) -> None:
        pytest.fail("a later handler takes its place")

    async def handler(data: dict[str, Any]) -> None:
        seen.append(data["type"])

    client.register_handler("notice", first)
    for type in ("connection_status", "chat_response", "pong", "error", "notice"):
        client.register_handler(type, handler)
    link = await connected(client, gateway)
    link.push(1)
    await settle()
    for type in ("chat_response", "pong", "error", "nobody's"):
        link.send({"type": type})
    await settle()
    assert sorted(seen) == ["chat_response", "connection_status", "error", "notice", "pong"]
    assert await link.rest() == [{"type": "ack", "seq": 1}]
    await client.disconnect()


async def test_a_subclass_may_handle_messages_its_own_way(gateway: FakeGateway) -> None:
    seen: list[str] = []

    class Own(DeviceWebSocketClient):
        async def handle_message(self, data: dict[str, Any]) -> None:
            seen.append(data["type"])

    client = Own("t")
    link = await connected(client, gateway)
    link.push(1)
    await settle()
    assert seen == ["connection_status", "notice"]
    await client.disconnect()


async def test_listening_lasts_until_it_is_over(gateway: FakeGateway) -> None:
    client = DeviceWebSocketClient("t")
    link = await connected(client, gateway)
    listening = asyncio.create_task(client.listen_for_messages())
    await settle()
    assert not listening.done()
    link.close(4009)
    await listening
    assert not client.running


async def test_a_refusal_is_raised(gateway: FakeGateway) -> None:
    client = DeviceWebSocketClient("t")
    connecting = asyncio.create_task(client.connect())
    (await gateway.accept()).close(4001)
    with pytest.raises(Unauthenticated):
        await connecting
    assert not client.running


async def test_needs_to_be_connected() -> None:
    with pytest.raises(ConnectionError, match="not connected"):
        await DeviceWebSocketClient("t").send_message("ping", {})
