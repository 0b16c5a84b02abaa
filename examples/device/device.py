"""A device that sings and dances when it is told to, and knows after a restart what it has handled.

LTY_TOKEN=$(npx lty token create --device 1 --quiet) python3 examples/device/device.py
"""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Any

from qy_lty import FileStorage, LtyClient, Stopped

client = LtyClient(
    os.environ.get("LTY_URL", "ws://127.0.0.1:8000"),
    token=os.environ.get("LTY_TOKEN", ""),
    caps=["sing", "dance"],
    storage=FileStorage(os.environ.get("DEVICE_PLACE", "device-place.json")),
)


@client.on("sing")
async def sing(frame: Any) -> None:
    print(f"♪ {frame['message']['song']} - {frame['message']['artist']}", flush=True)


@client.on("dance")
async def dance(frame: Any) -> None:
    print(f"dancing {frame['message']['dance']}", flush=True)


async def main() -> None:
    client.on_state(lambda state: print(state.name, flush=True))
    async with client:
        answer = await client.request("sing", song="青花瓷", artist="周杰伦")
        print(answer["message"], flush=True)
        await client.wait_closed()


try:
    asyncio.run(main())
except KeyboardInterrupt:
    pass
except Stopped as why:
    sys.exit(str(why))
