"""Requests, the outbox."""

from __future__ import annotations

import asyncio

import pytest

from qy_lty import OutboxFull, RequestFailed, RequestTimedOut
from qy_lty.testing import settle
from support.scene import Recorder, Scene


async def test_a_request_gets_the_reply_with_its_id(scene: Scene, recorder: Recorder) -> None:
    client = scene.client()
    client.on("*")(recorder)
    link = await scene.greeted(client)
    first = asyncio.create_task(client.request("weather", city="上海"))
    second = asyncio.create_task(client.request("chat_message", "hi"))
    asked = [await link.said(), await link.said()]
    assert [{**frame, "id": None} for frame in asked] == [
        {"type": "weather", "message": {"city": "上海"}, "id": None},
        {"type": "chat_message", "message": "hi", "id": None},
    ]
    for frame in reversed(asked):
        link.send({"type": "reply", "id": frame["id"], "to": frame["type"]})
    assert dict(await first)["to"] == "weather"
    assert dict(await second)["to"] == "chat_message"
    assert recorder.seen == ["connection_status"]


async def test_an_error_has_its_code(scene: Scene) -> None:
    client = scene.client()
    link = await scene.greeted(client)
    asking = asyncio.create_task(client.request("weather", city="X"))
    id = (await link.said())["id"]
    link.send({"type": "error", "id": id, "code": "CITY_NOT_FOUND", "message": "Weather query failed: city not found"})
    with pytest.raises(RequestFailed, match=r"^Weather query failed: city not found$") as caught:
        await asking
    assert caught.value.code == "CITY_NOT_FOUND"
    assert caught.value.frame["id"] == id


async def test_what_has_no_reply_is_asked_again_under_its_id(scene: Scene) -> None:
    client = scene.client()
    link = await scene.greeted(client)
    asking = asyncio.create_task(client.request("ping"))
    asked = await link.said()
    link.cut()
    link = await scene.again()
    assert await link.said() == asked
    link.send({"type": "pong", "id": asked["id"]})
    assert (await asking)["type"] == "pong"
    link.cut()
    link = await scene.again()
    assert await link.rest() == []


async def test_times_out_and_a_late_reply_goes_nowhere(scene: Scene, recorder: Recorder) -> None:
    client = scene.client()
    client.on("pong")(recorder)
    link = await scene.greeted(client)
    asking = asyncio.create_task(client.request("ping", timeout_s=5))
    id = (await link.said())["id"]
    await scene.clock.advance(5)
    with pytest.raises(RequestTimedOut) as caught:
        await asking
    assert caught.value.code == "TIMEOUT"
    link.send({"type": "pong", "id": id})
    await settle()
    assert recorder.seen == []


async def test_times_out_while_there_is_no_connection(scene: Scene) -> None:
    client = scene.client()
    link = await scene.greeted(client)
    link.cut()
    await settle()
    scene.gateway.refuse(100)
    asking = asyncio.create_task(client.request("ping", timeout_s=5))
    await scene.clock.advance(5)
    with pytest.raises(RequestTimedOut):
        await asking


async def test_a_cancelled_request_is_not_asked_again(scene: Scene) -> None:
    client = scene.client()
    link = await scene.greeted(client)
    asking = asyncio.create_task(client.request("ping"))
    await link.said()
    asking.cancel()
    await settle()
    link.cut()
    link = await scene.again()
    assert await link.rest() == []


async def test_what_is_too_large_fails_though_the_server_cannot_say_which(scene: Scene) -> None:
    client = scene.client()
    link = await scene.greeted(client)
    small = asyncio.create_task(client.request("chat_message", "x"))
    large = asyncio.create_task(client.request("chat_message", "x" * 20_000))
    await link.said()
    await link.said()
    link.send({"type": "error", "code": "MESSAGE_TOO_LARGE", "message": "Message too large"})
    with pytest.raises(RequestFailed) as caught:
        await large
    assert caught.value.code == "MESSAGE_TOO_LARGE"
    assert not small.done()
    small.cancel()


async def test_what_is_said_offline_waits_in_order(scene: Scene) -> None:
    client = scene.client()
    link = await scene.greeted(client)
    link.cut()
    await settle()
    await client.send("note", 1)
    asking = asyncio.create_task(client.request("ping"))
    await settle()
    await client.send("note", 2)
    link = await scene.again()
    assert [frame["type"] for frame in await link.rest()] == ["note", "ping", "note"]
    asking.cancel()


async def test_the_outbox_is_bounded(scene: Scene) -> None:
    client = scene.client(outbox_limit=2)
    link = await scene.greeted(client)
    link.cut()
    await settle()
    await client.send("note", 1)
    await client.send("note", 2)
    with pytest.raises(OutboxFull) as caught:
        await client.send("note", 3)
    assert caught.value.code == "OUTBOX_FULL"
    with pytest.raises(OutboxFull):
        await client.request("ping")
    link = await scene.again()
    assert [frame["message"] for frame in await link.rest()] == [1, 2]


async def test_over_a_connection_many_may_be_asked_at_once(scene: Scene) -> None:
    client = scene.client()
    link = await scene.greeted(client)
    asking = [asyncio.create_task(client.request("ping")) for _ in range(500)]
    for frame in await link.rest():
        link.send({"type": "pong", "id": frame["id"]})
    assert len(await asyncio.gather(*asking)) == 500


async def test_what_no_server_takes_is_not_sent(scene: Scene) -> None:
    client = scene.client()
    link = await scene.greeted(client)
    with pytest.raises(RequestFailed) as caught:
        await client.request("chat_message", "好" * 22_000)
    assert caught.value.code == "MESSAGE_TOO_LARGE"
    assert await link.rest() == []


async def test_a_handler_may_ask(scene: Scene) -> None:
    client = scene.client()

    @client.on("notice")
    async def ask(frame: object) -> None:
        await client.request("ping")

    link = await scene.greeted(client)
    link.push(1)
    asked = await link.said()
    link.send({"type": "pong", "id": asked["id"]})
    assert await link.said() == {"type": "ack", "seq": 1}


async def test_a_body_is_a_message_or_keywords(scene: Scene) -> None:
    client = scene.client()
    with pytest.raises(TypeError, match="not both"):
        await client.request("note", {"city": "x"}, city="y")


async def test_what_is_no_json_is_not_sent(scene: Scene) -> None:
    client = scene.client()
    with pytest.raises(ValueError, match="JSON"):
        await client.request("note", float("nan"))
    with pytest.raises(TypeError):
        await client.send("note", object())
