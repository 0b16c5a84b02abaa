"""From `connect()` to the first pong, beside the bare `websockets` client.

Each round connects both clients, in turns as to who is first, over loopback to a server of its own. The milliseconds of
both are printed as JSON, a value a round: `npm run bench:connect-python` makes a table of them. `--against-itself`
takes the bare client for ours: how far from 1 chance alone goes on this machine.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / folder) for folder in ("src", "tests")]

from qy_lty import LtyClient
from support.server import GatewayProcess

ROUNDS = 200
WARM_UP = 20


async def measure(gateway: GatewayProcess, rounds: int, against_itself: bool) -> list[tuple[float, float]]:
    """Return the times of both, milliseconds, a pair a round."""
    user = gateway.user("bench")
    token = gateway.token(device_id=gateway.device("bench", user))
    headers = {"Authorization": f"Bearer {token}"}

    async def bare() -> float:
        """Do what the other does: the same handshake, greeting, ping and pong."""
        start = time.perf_counter()
        url = f"{gateway.url}/ws/device/"
        async with connect(url, additional_headers=headers, subprotocols=[Subprotocol("lty.v1")]) as socket:
            await socket.recv()
            await socket.send('{"type":"ping","id":"1"}')
            while json.loads(await socket.recv())["type"] != "pong":
                pass
            took = time.perf_counter() - start
        return took * 1000

    async def ours() -> float:
        client = LtyClient(gateway.url, token=token)
        start = time.perf_counter()
        await client.connect()
        await client.request("ping")
        took = time.perf_counter() - start
        await client.close()
        return took * 1000

    other = bare if against_itself else ours
    pairs = []
    for number in range(rounds + WARM_UP):
        pair = await both(bare, other) if number % 2 == 0 else (await both(other, bare))[::-1]
        if number >= WARM_UP:
            pairs.append((pair[0], pair[1]))
    return pairs


async def both(one: Callable[[], Awaitable[float]], other: Callable[[], Awaitable[float]]) -> tuple[float, float]:
    """Measure one, then the other."""
    return await one(), await other()


def main() -> None:
    """Measure and print."""
    arguments = sys.argv[1:]
    numbers = [argument for argument in arguments if argument.isdigit()]
    with GatewayProcess() as gateway:
        rounds = int(numbers[0]) if numbers else ROUNDS
        pairs = asyncio.run(measure(gateway, rounds, "--against-itself" in arguments))
    print(json.dumps({"bare": [bare for bare, _ in pairs], "ours": [ours for _, ours in pairs]}))


main()
