"""Every exchange of `protocol/fixtures/` over one connection of this client to a real server."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest

from qy_lty import LtyClient, RequestFailed
from qy_lty.transport import WebSocketConnection
from support.server import ROOT, GatewayProcess

FIXTURES = sorted((ROOT / "protocol" / "fixtures").glob("*.json"))


def contains(actual: Any, expected: Any) -> bool:
    """Tell whether `actual` has all members of `expected`, at any depth."""
    if isinstance(expected, dict):
        return isinstance(actual, dict) and all(contains(actual.get(name), value) for name, value in expected.items())
    return bool(actual == expected)


def exchanges() -> Iterator[Any]:
    for file in FIXTURES:
        for exchange in json.loads(file.read_text("utf-8"))["exchanges"]:
            yield pytest.param(exchange, id=f"{file.stem}: {exchange['name']}")


@pytest.fixture(scope="module")
def token(gateway: GatewayProcess) -> str:
    return gateway.token(user_id=gateway.user("fixtures"))


@pytest.mark.parametrize("exchange", list(exchanges()))
async def test_exchange(gateway: GatewayProcess, token: str, exchange: dict[str, Any]) -> None:
    answers: asyncio.Queue[Any] = asyncio.Queue()
    client = LtyClient(gateway.url, token=token)
    client.on("*")(answers.put_nowait)
    async with client:
        assert (await answers.get())["type"] == "connection_status"
        connection = client._connection
        assert isinstance(connection, WebSocketConnection)
        send = exchange.get("send")
        raw = base64.b64decode(exchange["send_base64"]) if "send_base64" in exchange else send
        await connection.socket.send(raw if isinstance(raw, (str, bytes)) else json.dumps(raw))
        answer = await asyncio.wait_for(answers.get(), 10)
        assert contains(answer, exchange["expect"])
        assert answer["timestamp"].endswith("Z")

        if isinstance(send, dict) and "id" not in send and isinstance(send.get("type"), str):
            # The same by `request`, which brings an id of its own.
            try:
                reply = dict(await client.request(send["type"], send.get("message"), timeout_s=10))
            except RequestFailed as error:
                reply = error.frame
            assert contains(reply, exchange["expect"])
