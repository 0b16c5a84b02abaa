"""From `connect()` to the first pong, beside the bare `websockets` client: paired, as ratios.

    npm run bench:connect-python [-- ROUNDS]

Each round connects both clients, in turns as to who is first, over loopback to a server of its own, and takes the ratio
of the two times; the median of the ratios, and the middle half of them, are printed. `--against-itself` measures the
bare client against itself: how far from 1 chance alone goes on this machine.
"""

from __future__ import annotations

import asyncio
import json
import statistics
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
    against_itself = "--against-itself" in arguments
    numbers = [argument for argument in arguments if argument.isdigit()]
    with GatewayProcess() as gateway:
        pairs = asyncio.run(measure(gateway, int(numbers[0]) if numbers else ROUNDS, against_itself))
    low, middle, high = statistics.quantiles([other / bare for bare, other in pairs], n=4)
    name = "websockets again" if against_itself else "qy_lty"
    print(f"{len(pairs)} pairs, connect() to the first pong, medians:")
    print(f"  websockets {statistics.median(bare for bare, _ in pairs):.2f} ms")
    print(f"  {name} {statistics.median(other for _, other in pairs):.2f} ms")
    print(f"  ratio {middle:.2f}, the middle half between {low:.2f} and {high:.2f}")


main()
