"""A client in the manner of the original system's: the token in the query, frames of type, message and timestamp.

Reads the URL and the token from the environment. Every line of its input is a frame's type and message, as JSON; every line of its
output is a frame of the server, as it came.
"""

import asyncio
import json
import os
import sys
from datetime import datetime

import websockets


async def receive(socket) -> None:
    async for text in socket:
        print(text, flush=True)


async def talk() -> None:
    async with websockets.connect(f"{os.environ['URL']}/ws/device/?token={os.environ['TOKEN']}") as socket:
        receiving = asyncio.create_task(receive(socket))
        loop = asyncio.get_running_loop()
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            kind, message = json.loads(line)
            frame = {"type": kind, "message": message, "timestamp": datetime.now().isoformat()}
            await socket.send(json.dumps(frame))
        receiving.cancel()


asyncio.run(talk())
