"""Handlers, loops, acknowledgements, duplicates."""

from __future__ import annotations

import asyncio
import gc
import logging
from typing import Any

import pytest

from qy_lty import MemoryStorage, Place
from qy_lty.testing import settle
from support.scene import Recorder, Scene


async def test_acknowledges_after_the_handler(scene: Scene, recorder: Recorder) -> None:
    client = scene.client()
    client.on("notice")(recorder)
    link = await scene.greeted(client)
    recorder.gate.clear()
    link.push(1)
    assert await link.rest() == []
    assert recorder.seen == ["m1"]
    recorder.gate.set()
    assert await link.said() == {"type": "ack", "seq": 1}


async def test_says_working_ten_seconds_after_it_began_whatever_else_is_due(scene: Scene, recorder: Recorder) -> None:
    client = scene.client()
    client.on("notice")(recorder)
    link = await scene.greeted(client, heartbeat_ms=300_000)
    await scene.clock.advance(100)
    recorder.gate.clear()
    link.push(1)
    for _ in range(3):
        await scene.clock.advance(10)
        assert await link.rest() == [{"type": "ack", "seq": 0, "working": True}]


async def test_handles_one_after_another_in_order(scene: Scene, recorder: Recorder) -> None:
    client = scene.client()
    client.on("notice")(recorder)
    link = await scene.greeted(client)
    recorder.gate.clear()
    for seq in (1, 2, 3):
        link.push(seq)
    await settle()
    assert recorder.seen == ["m1"]
    recorder.gate.set()
    await settle()
    assert recorder.seen == ["m1", "m2", "m3"]
    assert (await link.rest())[-1] == {"type": "ack", "seq": 3}


async def test_a_type_has_many_handlers_and_plain_functions_will_do(scene: Scene) -> None:
    client = scene.client()
    seen: list[str] = []

    @client.on("notice")
    def first(frame: Any) -> None:
        seen.append("first")

    @client.on("notice")
    async def second(frame: Any) -> None:
        seen.append("second")

    @client.on("*")
    def every(frame: Any) -> None:
        seen.append(frame["type"])

    link = await scene.greeted(client)
    link.push(1)
    assert await link.said() == {"type": "ack", "seq": 1}
    assert seen == ["connection_status", "first", "second", "notice"]


async def test_what_the_server_says_of_itself_waits_for_no_message(scene: Scene, recorder: Recorder) -> None:
    client = scene.client()
    client.on("notice")(recorder)
    told: list[Any] = []
    errors: list[Exception] = []

    @client.on("skip")
    async def skipped(frame: Any) -> None:
        told.append(frame["reason"])
        raise KeyError("no")

    @client.on_error
    def fails(error: Exception) -> None:
        raise RuntimeError("no")

    client.on_error(errors.append)
    link = await scene.greeted(client)
    recorder.gate.clear()
    link.push(1)
    link.send({"type": "skip", "seq": 2, "reason": "dead"})
    await settle()
    assert told == ["dead"]
    assert [type(error) for error in errors] == [KeyError]
    assert client.is_online


async def test_says_working_every_10_s_and_runs_a_slow_handler_once(scene: Scene, recorder: Recorder) -> None:
    client = scene.client()
    client.on("notice")(recorder)
    link = await scene.greeted(client, acked=4)
    recorder.gate.clear()
    link.push(5)
    for _ in range(30):
        # The server's pings are answered below us; its frames are what keeps our own heartbeat quiet.
        link.push(None, "chatter")
        await scene.clock.advance(10)
    assert await link.rest() == [{"type": "ack", "seq": 4, "working": True}] * 30
    recorder.gate.set()
    assert await link.said() == {"type": "ack", "seq": 5}
    assert recorder.seen == ["m5"]


async def test_a_handler_outlives_its_connection_and_runs_once(scene: Scene, recorder: Recorder) -> None:
    client = scene.client()
    client.on("notice")(recorder)
    link = await scene.greeted(client)
    recorder.gate.clear()
    link.push(1)
    link.push(2)
    await settle()
    link.cut()
    link = await scene.again()
    assert "seq" not in link.query
    link.push(1, redelivered=True)
    link.push(2, redelivered=True)
    recorder.gate.set()
    await settle()
    assert recorder.seen == ["m1", "m2"]
    assert (await link.rest())[-1] == {"type": "ack", "seq": 2}


async def test_what_was_handled_is_acknowledged_again_and_not_handled(scene: Scene, recorder: Recorder) -> None:
    client = scene.client()
    client.on("notice")(recorder)
    link = await scene.greeted(client)
    link.push(1)
    assert await link.said() == {"type": "ack", "seq": 1}
    link.cut()
    link = await scene.again()
    link.push(1, redelivered=True)
    assert await link.said() == {"type": "ack", "seq": 1}
    assert recorder.seen == ["m1"]


async def test_what_failed_comes_again_once_the_server_has_counted_it(
    scene: Scene, recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    client = scene.client()
    client.on("notice")(recorder)
    link = await scene.greeted(client)
    recorder.failures = 1
    link.push(1)
    link.push(2)
    await scene.clock.advance(5)
    assert await link.rest() == []
    assert link.closed is None
    assert "a handler of 'notice' failed: RuntimeError: no" in caplog.text
    assert "Traceback" not in caplog.text
    await scene.clock.advance(1)
    assert link.closed == "a handler failed"
    link = await scene.again()
    link.push(1, redelivered=True)
    link.push(2, redelivered=True)
    await settle()
    assert (await link.rest())[-1] == {"type": "ack", "seq": 2}
    assert recorder.seen == ["m1", "m1", "m2"]


async def test_who_is_done_does_not_get_it_again_because_another_failed(scene: Scene, recorder: Recorder) -> None:
    client = scene.client()
    done = Recorder()
    client.on("notice")(done)
    client.on("notice")(recorder)
    recorder.failures = 1
    link = await scene.greeted(client)
    link.push(1)
    await scene.clock.advance(7)
    link = await scene.again()
    link.push(1, redelivered=True)
    assert await link.said() == {"type": "ack", "seq": 1}
    assert (done.seen, recorder.seen) == (["m1"], ["m1", "m1"])


async def test_says_where_it_stands(scene: Scene, recorder: Recorder) -> None:
    client = scene.client()
    client.on("notice")(recorder)
    link = await scene.greeted(client)
    assert link.query == {}
    link.push(1)
    await link.said()
    link.cut()
    link = await scene.again()
    assert link.query == {"epoch": "e1", "seq": "1", "last": "m1"}


async def test_what_is_kept_nowhere_is_handled_and_not_acknowledged(scene: Scene, recorder: Recorder) -> None:
    client = scene.client()
    client.on("notice")(recorder)
    link = await scene.greeted(client)
    link.push(None)
    link.send({"type": "notice", "message": 1, "message_id": "live"})
    link.send({"type": "notice", "message": 1, "message_id": "live"})
    assert await link.rest() == []
    assert recorder.seen == ["notice", "live"]


async def test_a_connection_that_is_no_consumer_acknowledges_nothing(scene: Scene, recorder: Recorder) -> None:
    client = scene.client(role="app")
    client.on("notice")(recorder)
    link = await scene.greeted(client, consumer=None, epoch=None, acked=None, top=None)
    assert link.query == {"role": "app"}
    link.push(1)
    assert await link.rest() == []
    assert recorder.seen == ["m1"]


async def test_reset_forgets_the_place_and_keeps_what_was_seen(scene: Scene, recorder: Recorder) -> None:
    storage = MemoryStorage()
    client = scene.client(storage=storage)
    client.on("notice")(recorder)
    link = await scene.greeted(client)
    for seq in (1, 2):
        link.push(seq)
    await settle()
    link.cut()
    link = await scene.again(epoch="e2", acked=0)
    link.send({"type": "reset", "epoch": "e2", "lost": {"from": 1, "to": 2}})
    link.push(1)
    link.push(2, message_id="new")
    await settle()
    assert recorder.seen == ["m1", "m2", "new"]
    assert (await link.rest())[-1] == {"type": "ack", "seq": 2}
    link.cut()
    link = await scene.again(epoch="e2")
    assert link.query == {"epoch": "e2", "seq": "2", "last": "new"}


async def test_a_handler_that_outlives_a_reset_moves_no_cursor(scene: Scene, recorder: Recorder) -> None:
    client = scene.client(storage=MemoryStorage())
    client.on("notice")(recorder)
    link = await scene.greeted(client)
    link.push(1)
    await link.said()
    recorder.gate.clear()
    link.push(9)
    await settle()
    link.cut()
    link = await scene.again(epoch="e2")
    link.send({"type": "reset", "epoch": "e2", "lost": {"from": 1, "to": 9}})
    await settle()
    recorder.gate.set()
    await settle()
    assert await link.rest() == []
    link.cut()
    link = await scene.again(epoch="e2")
    assert link.query == {}


async def test_goes_on_from_a_place_that_was_stored(scene: Scene, recorder: Recorder) -> None:
    storage = MemoryStorage()
    await storage.save(Place("e1", 3, "m3", ["m2", "m3"]))
    client = scene.client(storage=storage)
    client.on("notice")(recorder)
    link = await scene.greeted(client, acked=3)
    assert link.query == {"epoch": "e1", "seq": "3", "last": "m3"}
    link.push(3, redelivered=True)
    link.push(4)
    await settle()
    assert recorder.seen == ["m4"]
    place = await storage.load()
    assert place is not None
    assert (place.seq, place.last) == (4, "m4")


async def test_a_storage_that_fails_is_told_and_holds_nobody_up(
    scene: Scene, recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    class Full(MemoryStorage):
        async def save(self, place: Place) -> None:
            raise OSError(28, "No space left on device")

    client = scene.client(storage=Full())
    client.on("notice")(recorder)
    link = await scene.greeted(client)
    link.push(1)
    assert await link.said() == {"type": "ack", "seq": 1}
    assert "the place could not be saved" in caplog.text


async def test_a_type_that_nobody_listens_to_is_acknowledged(scene: Scene, recorder: Recorder) -> None:
    client = scene.client()
    client.on("notice")(recorder)
    link = await scene.greeted(client)
    link.push(1, "other")
    assert await link.said() == {"type": "ack", "seq": 1}
    assert recorder.seen == []


async def test_while_nobody_listens_at_all_messages_wait(scene: Scene) -> None:
    client = scene.client()
    client.on("connection_status")(lambda frame: None)
    link = await scene.greeted(client)
    link.push(1)
    assert await link.rest() == []
    messages = client.messages()
    assert (await messages.__anext__())["message_id"] == "m1"
    waiting = asyncio.ensure_future(messages.__anext__())
    assert await link.said() == {"type": "ack", "seq": 1}
    waiting.cancel()


class TestLoops:
    async def test_acknowledges_when_the_loop_asks_for_the_next(self, scene: Scene) -> None:
        client = scene.client()
        link = await scene.greeted(client)
        link.push(1)
        link.push(2)
        async for message in client.messages():
            if message["seq"] == 2:
                assert await link.rest() == [{"type": "ack", "seq": 1}]
                break
            assert await link.rest() == []

    async def test_a_message_whose_loop_was_left_by_an_exception_was_not_handled(self, scene: Scene) -> None:
        client = scene.client()
        link = await scene.greeted(client)
        link.push(1)
        with pytest.raises(KeyError):
            async for _ in client.messages():
                raise KeyError("lost")
        gc.collect()
        assert await link.rest() == []
        seen = []
        async with client.messages() as messages:
            async for message in messages:
                seen.append(message["message_id"])
                break
        assert seen == ["m1"]
        assert await link.rest() == [{"type": "ack", "seq": 1}]

    async def test_handlers_do_not_make_up_for_a_loop_that_was_left(self, scene: Scene, recorder: Recorder) -> None:
        client = scene.client()
        client.on("notice")(recorder)
        link = await scene.greeted(client)
        link.push(1)
        with pytest.raises(KeyError):
            async for _ in client.messages():
                raise KeyError("lost")
        gc.collect()
        await scene.clock.advance(20)
        assert await link.rest() == []
        async with client.messages() as messages:
            assert (await messages.__anext__())["message_id"] == "m1"
        assert await link.rest() == [{"type": "ack", "seq": 1}]
        assert recorder.seen == ["m1"]

    async def test_inside_async_with_an_exception_counts_and_break_does_not(self, scene: Scene) -> None:
        client = scene.client()
        link = await scene.greeted(client)
        link.push(1)
        with pytest.raises(KeyError):
            async with client.messages() as messages:
                async for _ in messages:
                    raise KeyError("lost")
        assert await link.rest() == []
        async with client.messages() as messages:
            async for _ in messages:
                break
        assert await link.rest() == [{"type": "ack", "seq": 1}]

    async def test_says_working_while_the_body_runs_and_not_once_it_was_left(self, scene: Scene) -> None:
        client = scene.client()
        link = await scene.greeted(client)
        link.push(1)
        messages = client.messages()
        await messages.__anext__()
        await scene.clock.advance(10)
        assert await link.rest() == [{"type": "ack", "seq": 0, "working": True}]
        del messages
        gc.collect()
        await scene.clock.advance(15)
        assert await link.rest() == []

    async def test_types_are_chosen_and_the_others_acknowledged(self, scene: Scene) -> None:
        client = scene.client()
        link = await scene.greeted(client)
        messages = client.messages("wanted")
        link.push(1, "other")
        link.push(2, "wanted")
        assert (await messages.__anext__())["seq"] == 2
        assert await link.rest() == [{"type": "ack", "seq": 1}]

    async def test_a_cancelled_wait_loses_nothing(self, scene: Scene) -> None:
        client = scene.client()
        link = await scene.greeted(client)
        messages = client.messages()
        waiting = asyncio.ensure_future(messages.__anext__())
        await settle()
        waiting.cancel()
        await settle()
        link.push(1)
        assert (await messages.__anext__())["message_id"] == "m1"

    async def test_close_ends_the_loop(self, scene: Scene) -> None:
        client = scene.client()
        await scene.greeted(client)

        async def collect() -> list[Any]:
            return [message async for message in client.messages()]

        collecting = asyncio.create_task(collect())
        await settle()
        await client.close()
        assert await collecting == []
        assert [message async for message in client.messages()] == []


async def test_live_frames_that_a_slow_handler_does_not_get_to_are_bounded(
    scene: Scene, recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    client = scene.client()
    client.on("notice")(recorder)
    link = await scene.greeted(client)
    recorder.gate.clear()
    for _ in range(3_000):
        link.push(None)
    link.push(1)
    await settle()
    for _ in range(80):
        await settle()
    recorder.gate.set()
    for _ in range(200):
        await settle()
    assert await link.rest() == [{"type": "ack", "seq": 1}]
    assert 1_000 < len(recorder.seen) < 1_100
