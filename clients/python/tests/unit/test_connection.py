"""Connecting, coming back, giving up."""

from __future__ import annotations

import asyncio
import logging

import pytest

from qy_lty import (
    ClientClosed,
    ClosedByAdministrator,
    Forbidden,
    FrameTooBig,
    LtyError,
    NoDevice,
    NotConnected,
    Replaced,
    Revoked,
    State,
    Stopped,
    Unauthenticated,
)
from qy_lty.tables import STOPS
from qy_lty.testing import settle
from support.scene import Recorder, Scene


async def test_connect_returns_at_the_greeting(scene: Scene) -> None:
    client = scene.client()
    connecting = asyncio.create_task(client.connect())
    link = await scene.gateway.accept()
    await settle()
    assert not connecting.done()
    assert link.headers == {"Authorization": "Bearer t"}
    link.greet()
    await connecting
    assert client.is_online
    await client.connect()
    assert scene.gateway.attempts == 1


async def test_says_who_it_is(scene: Scene) -> None:
    client = scene.client(role="app", client_id="phone", caps=["sing", "dance"])
    link = await scene.greeted(client)
    assert link.url.startswith("ws://gateway:8000/ws/device/?")
    assert link.query == {"role": "app", "client_id": "phone", "caps": "sing,dance"}


async def test_tries_for_ever_with_capped_full_jitter(scene: Scene) -> None:
    client = scene.client()
    scene.gateway.refuse(10)
    connecting = asyncio.create_task(client.connect())
    await settle()
    waits = []
    for attempt in range(1, 9):
        start = scene.clock.now()
        while scene.gateway.attempts == attempt:
            await scene.clock.advance(0.5)
        waits.append(scene.clock.now() - start)
    assert waits == [1, 2, 4, 8, 16, 30, 30, 30]
    assert not connecting.done()
    connecting.cancel()


async def test_the_row_of_failures_ends_after_a_stable_minute_only(scene: Scene) -> None:
    client = scene.client()
    link = await scene.greeted(client)

    async def wait_after(stable_s: float) -> float:
        nonlocal link
        for _ in range(int(stable_s)):
            link.push(None, "chatter")
            await scene.clock.advance(1)
        link.cut()
        await settle()
        start, attempts = scene.clock.now(), scene.gateway.attempts
        while scene.gateway.attempts == attempts:
            await scene.clock.advance(0.5)
        link = await scene.gateway.accept()
        link.greet()
        await settle()
        return scene.clock.now() - start

    assert [await wait_after(s) for s in (1, 1, 59, 60, 1)] == [1, 2, 4, 1, 2]


async def test_jitter_is_full(scene: Scene) -> None:
    client = scene.client(random=lambda: 0.25)
    link = await scene.greeted(client)
    link.cut()
    await scene.clock.advance(0.2)
    assert scene.gateway.attempts == 1
    await scene.clock.advance(0.05)
    assert scene.gateway.attempts == 2


@pytest.mark.parametrize(("random", "wait_s"), [(0.0, 5), (1.0, 7)])
async def test_comes_back_when_bye_says(scene: Scene, random: float, wait_s: float) -> None:
    client = scene.client(random=lambda: random)
    link = await scene.greeted(client)
    link.send({"type": "bye", "reason": "service restart", "retry_min_ms": 5_000, "retry_max_ms": 7_000})
    link.close(1012, "service restart")
    await scene.clock.advance(wait_s - 0.1)
    assert scene.gateway.attempts == 1
    await scene.clock.advance(0.1)
    assert scene.gateway.attempts == 2


async def test_waits_as_long_as_the_rate_limit_says(scene: Scene) -> None:
    client = scene.client()
    link = await scene.greeted(client)
    link.send({"type": "error", "code": "RATE_LIMITED", "message": "Rate limit exceeded", "retry_after_ms": 20_000})
    link.close(4008, "rate limit exceeded")
    await scene.clock.advance(20)
    assert scene.gateway.attempts == 1
    await scene.clock.advance(1)
    assert scene.gateway.attempts == 2


@pytest.mark.parametrize("hint", [None, -1, "soon", True, float("nan"), [], 10**30])
async def test_nonsense_in_bye_does_no_harm(scene: Scene, hint: object) -> None:
    client = scene.client()
    link = await scene.greeted(client)
    link.send({"type": "bye", "reason": "", "retry_min_ms": hint, "retry_max_ms": hint})
    link.close(1012)
    await scene.clock.advance(3602)
    assert scene.gateway.attempts >= 2


CLASSES: dict[int, type[Stopped]] = {
    1000: ClosedByAdministrator,
    1009: FrameTooBig,
    4001: Unauthenticated,
    4002: NoDevice,
    4003: Forbidden,
    4009: Replaced,
    4010: Revoked,
}


@pytest.mark.parametrize("code", STOPS)
async def test_terminal_close_codes_end_it_with_an_error_of_their_own(scene: Scene, code: int) -> None:
    client = scene.client()
    link = await scene.greeted(client)
    waiting = asyncio.create_task(client.wait_closed())
    asking = asyncio.create_task(client.request("ping"))
    looping = asyncio.create_task(client.messages().__anext__())
    await settle()
    link.close(code, "because")
    await scene.clock.advance(100)
    for task in (waiting, asking, looping):
        with pytest.raises(CLASSES[code]) as caught:
            await task
        assert caught.value.close_code == code
    assert scene.gateway.attempts == 1
    with pytest.raises(CLASSES[code]):
        await client.connect()
    with pytest.raises(CLASSES[code]):
        await client.send("ping")


@pytest.mark.parametrize("code", [1001, 1005, 1006, 1011, 1012, 1013, 4000, 4008, 4011, 4012, 4999])
async def test_other_close_codes_do_not(scene: Scene, code: int) -> None:
    client = scene.client()
    link = await scene.greeted(client)
    link.close(code)
    await scene.again()
    assert client.is_online


async def test_a_refusal_says_why(scene: Scene) -> None:
    client = scene.client()
    connecting = asyncio.create_task(client.connect())
    link = await scene.gateway.accept()
    link.send({"type": "error", "code": "UNAUTHENTICATED", "message": "Authentication required"})
    link.close(4001, "unauthenticated")
    with pytest.raises(Unauthenticated, match=r"^Authentication required \(close 4001\)$") as caught:
        await connecting
    assert caught.value.code == "UNAUTHENTICATED"


async def test_connect_gives_up_when_told_to(scene: Scene) -> None:
    client = scene.client()
    scene.gateway.refuse(100)
    connecting = asyncio.create_task(client.connect(timeout_s=5))
    await scene.clock.advance(5)
    with pytest.raises(NotConnected, match=r"not connected after 5 s: Connection refused") as caught:
        await connecting
    assert isinstance(caught.value, TimeoutError)


async def test_a_server_that_does_not_greet_is_left(scene: Scene) -> None:
    client = scene.client()
    connecting = asyncio.create_task(client.connect())
    link = await scene.gateway.accept()
    await scene.clock.advance(20)
    assert link.closed == ""
    await scene.again()
    await connecting


async def test_a_token_or_a_handshake_that_never_comes_is_given_up(scene: Scene) -> None:
    never, answers = asyncio.Event(), iter(["", "t"])

    async def token() -> str:
        answer = next(answers)
        if not answer:
            await never.wait()
        return answer

    client = scene.client(token=token)
    connecting = asyncio.create_task(client.connect())
    await scene.clock.advance(20)
    await scene.again()
    await connecting


async def test_a_refused_token_is_asked_for_once_more(scene: Scene) -> None:
    tokens = iter(["old", "new", "newer", "newest"])
    client = scene.client(token=lambda: next(tokens))
    connecting = asyncio.create_task(client.connect())
    (await scene.gateway.accept()).close(4001, "unauthenticated")
    link = await scene.dialled()
    assert link.headers == {"Authorization": "Bearer new"}
    link.greet()
    await connecting
    link.close(4001, "unauthenticated")
    (await scene.dialled()).close(4001, "unauthenticated")
    with pytest.raises(Unauthenticated):
        await client.wait_closed()
    assert next(tokens) == "newest"


async def test_the_same_token_again_ends_it(scene: Scene) -> None:
    client = scene.client(token=lambda: "t")
    connecting = asyncio.create_task(client.connect())
    link = await scene.gateway.accept()
    link.send({"type": "error", "code": "UNAUTHENTICATED", "message": "Authentication required"})
    link.close(4001, "unauthenticated")
    await scene.clock.advance(2)
    with pytest.raises(Unauthenticated, match="Authentication required"):
        await connecting
    assert scene.gateway.attempts == 1


async def test_heartbeat(scene: Scene) -> None:
    client = scene.client()
    link = await scene.greeted(client, heartbeat_ms=20_000)
    await scene.clock.advance(20)
    ping = await link.said()
    assert ping["type"] == "ping"
    link.send({"type": "pong", "id": ping["id"]})
    await scene.clock.advance(19)
    assert await link.rest() == []
    await scene.clock.advance(1)
    assert (await link.said())["type"] == "ping"
    assert link.closed is None
    await scene.clock.advance(10)
    assert link.closed == ""
    await scene.again()
    assert client.is_online


async def test_any_frame_is_a_sign_of_life(scene: Scene) -> None:
    client = scene.client()
    link = await scene.greeted(client, heartbeat_ms=20_000)
    for _ in range(10):
        await scene.clock.advance(15)
        link.push(None, "chatter")
    assert await link.rest() == []


async def test_a_callable_gives_a_token_for_each_connection(scene: Scene) -> None:
    tokens = iter(["a", "b", "c"])

    async def token() -> str:
        return next(tokens)

    client = scene.client(token=token)
    link = await scene.greeted(client)
    assert link.headers["Authorization"] == "Bearer a"
    link.close(4012, "credential expired")
    link = await scene.again()
    assert link.headers["Authorization"] == "Bearer b"


async def test_tells_its_state(scene: Scene) -> None:
    client = scene.client()
    states: list[State] = []

    @client.on_state
    def fails(state: State) -> None:
        raise RuntimeError("no")

    client.on_state(states.append)
    link = await scene.greeted(client)
    link.cut()
    link = await scene.again()
    link.close(4009)
    await settle()
    assert states == [
        State("connecting"),
        State("connected"),
        State("waiting", delay_s=1.0),
        State("connecting"),
        State("connected"),
        State("closed", close_code=4009),
    ]


async def test_a_callable_that_fails_is_asked_again(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    answers: list[str | Exception] = [RuntimeError("secret"), "with space", "good"]

    def token() -> str:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    client = scene.client(token=token)
    connecting = asyncio.create_task(client.connect())
    link = await scene.dialled()
    assert link.headers["Authorization"] == "Bearer good"
    link.greet()
    await connecting
    assert "secret" not in caplog.text
    assert "with space" not in caplog.text


async def test_close_sends_what_waits_and_lets_a_handler_finish(scene: Scene, recorder: Recorder) -> None:
    client = scene.client()
    client.on("notice")(recorder)
    link = await scene.greeted(client)
    recorder.gate.clear()
    link.push(1)
    await settle()
    closing = asyncio.create_task(client.close())
    await scene.clock.advance(4)
    assert not closing.done()
    recorder.gate.set()
    await closing
    assert await link.rest() == [{"type": "ack", "seq": 1}]
    assert link.closed
    with pytest.raises(ClientClosed):
        await client.request("ping")
    await client.wait_closed()


async def test_close_does_not_wait_for_ever(scene: Scene, recorder: Recorder) -> None:
    client = scene.client()
    client.on("notice")(recorder)
    link = await scene.greeted(client)
    recorder.gate.clear()
    link.push(1)
    await settle()
    closing = asyncio.create_task(client.close(grace_s=3))
    await scene.clock.advance(3)
    await closing
    assert await link.rest() == []


async def test_a_handler_may_close(scene: Scene) -> None:
    client = scene.client()

    @client.on("notice")
    async def stop(frame: object) -> None:
        await client.close()

    link = await scene.greeted(client)
    link.push(1)
    await client.wait_closed()
    await settle()
    assert link.closed


async def test_async_with_closes_also_when_it_cannot_connect(scene: Scene) -> None:
    async def enter() -> None:
        async with scene.client():
            pytest.fail("it cannot connect")

    entering = asyncio.create_task(enter())
    (await scene.gateway.accept()).close(4003)
    with pytest.raises(Forbidden):
        await entering


async def test_no_frame_of_a_server_breaks_it(scene: Scene, recorder: Recorder) -> None:
    client = scene.client()
    client.on("notice")(recorder)
    link = await scene.greeted(client)
    for text in ("", "{", "null", "7", "[]", "{}", '{"type":7}', "[" * 100_000, '{"type":"error"}', '{"type":"reset"}'):
        link.send(text)
    strange: list[object] = [True, -1, "1", 1.5, None, [], 10**40, 10**400, "\ud800", float("nan"), float("inf")]
    for seq in strange:
        link.send({"type": "notice", "seq": seq, "message_id": 7})
        link.send({"type": "skip", "seq": seq, "reason": seq})
        link.send({"type": "bye", "retry_min_ms": seq})
        link.send({"type": "pong", "id": seq})
        link.send({"type": "connection_status", "heartbeat_ms": seq, "acked": seq, "epoch": seq})
    link.push(1)
    await settle()
    assert {"type": "ack", "seq": 1} in await link.rest()
    assert client.is_online


async def test_says_nothing_of_its_token(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    client = scene.client(token="lty_secret")
    connecting = asyncio.create_task(client.connect())
    (await scene.gateway.accept()).close(4001, "unauthenticated")
    with pytest.raises(LtyError) as caught:
        await connecting
    for text in (caplog.text, repr(client), repr(caught.value), str(caught.value)):
        assert "lty_secret" not in text


@pytest.mark.parametrize(
    "wrong",
    [
        {"token": ""},
        {"token": "a b"},
        {"token": "a\r\nX: y"},
        {"token": None},
        {"client_id": "a b"},
        {"client_id": "x" * 65},
        {"role": "admin"},
    ],
)
async def test_what_cannot_be_right_is_said_at_once(scene: Scene, wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="has to be"):
        scene.client(**wrong)
