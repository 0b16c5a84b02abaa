"""Exactly once, in order: many clients of a server that is killed again and again while messages are pushed.

`QY_LTY_KILLS` and `QY_LTY_PUSHES` make it longer: 10 and 20000 is the long form. `QY_LTY_FIGURES` names a file that the
figures are written to, as JSON: `npm run test:python-crash` reads them.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import itertools
import json
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from qy_lty import FileStorage, LtyClient, MemoryStorage, State, Storage
from support.server import GatewayProcess

CLIENTS = 24
KILLS = int(os.environ.get("QY_LTY_KILLS", "2"))
PUSHES = int(os.environ.get("QY_LTY_PUSHES", "1200"))
SENDERS = 8
RETRY_S = 0.02
FIGURES = os.environ.get("QY_LTY_FIGURES")
PATIENCE_S = 600


class Pushing:
    """Pushes numbers to users, again under their idempotency key where no answer came, so that each is there once."""

    def __init__(self, gateway: GatewayProcess, users: list[int]) -> None:
        self._gateway = gateway
        self._numbers = iter(range(PUSHES))
        self._users = users
        self._lock = threading.Lock()
        self._progress = threading.Condition()
        self.answered = 0
        self.retried = 0
        self.sent: dict[int, list[int]] = {user: [] for user in users}
        # A user's messages come from one sender, one after another: their order is known.
        self._threads = [threading.Thread(target=self._send, args=(mine,), daemon=True) for mine in self._shares()]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        for thread in self._threads:
            thread.join()

    def wait_for(self, answered: int) -> None:
        """Return once so many were answered."""
        with self._progress:
            self._progress.wait_for(lambda: self.answered >= answered)

    def _shares(self) -> Iterator[list[int]]:
        for sender in range(SENDERS):
            yield self._users[sender::SENDERS]

    def _send(self, users: list[int]) -> None:
        connection: http.client.HTTPConnection | None = None
        while (number := self._next()) is not None:
            user = random.choice(users)
            self.sent[user].append(number)
            body = json.dumps({"type": "notice", "message": number, "user_id": user})
            headers = {
                "Authorization": f"Bearer {self._gateway.admin}",
                "Content-Type": "application/json",
                "Idempotency-Key": f"push-{number}",
            }
            while True:
                try:
                    if connection is None:
                        connection = http.client.HTTPConnection("127.0.0.1", self._gateway.port, timeout=10)
                    connection.request("POST", "/api/messages/", body, headers)
                    answer = connection.getresponse()
                    answer.read()
                    if answer.status == 200:
                        break
                except (OSError, http.client.HTTPException):
                    pass
                if connection is not None:
                    connection.close()
                    connection = None
                with self._lock:
                    self.retried += 1
                # The server is being started: asking at once again would only slow it down.
                time.sleep(RETRY_S)
            with self._progress:
                self.answered += 1
                self._progress.notify_all()

        if connection is not None:
            connection.close()

    def _next(self) -> int | None:
        with self._lock:
            return next(self._numbers, None)


async def test_every_message_is_handled_once_and_in_order(tmp_path: Any) -> None:
    with GatewayProcess() as gateway:
        users = [gateway.user(f"user{n}") for n in range(CLIENTS)]
        tokens = [gateway.token(device_id=gateway.device(f"device{n}", user)) for n, user in enumerate(users)]
        handled: dict[int, list[int]] = {user: [] for user in users}
        news = asyncio.Event()
        reconnects = redelivered = 0
        clients = []
        for n, (user, token) in enumerate(zip(users, tokens, strict=True)):
            # Some keep their place in a file; the jitter is short, so that much happens.
            storage: Storage = FileStorage(tmp_path / f"{n}.json", sync=False) if n % 3 == 0 else MemoryStorage()
            client = LtyClient(gateway.url, token=token, storage=storage, random=lambda: random.random() / 10)

            @client.on("notice")
            async def handle(frame: Any, mine: list[int] = handled[user], slow: bool = n % 2 == 0) -> None:
                if slow:
                    await asyncio.sleep(random.random() / 200)
                nonlocal redelivered
                redelivered += frame.get("redelivered", False)
                mine.append(frame["message"])
                news.set()

            @client.on_state
            def count(state: State) -> None:
                nonlocal reconnects
                reconnects += state.name == "waiting"

            clients.append(client)
        await asyncio.gather(*(client.connect() for client in clients))

        pushing = Pushing(gateway, users)
        pushing.start()
        for kill in range(1, KILLS + 1):
            at = PUSHES * kill // (KILLS + 1)
            await asyncio.to_thread(pushing.wait_for, at)
            await asyncio.to_thread(gateway.kill)
            await asyncio.to_thread(gateway.serve)
        await asyncio.to_thread(pushing.join)

        async def all_there() -> None:
            while sum(len(numbers) for numbers in handled.values()) < PUSHES:
                news.clear()
                await news.wait()

        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(all_there(), PATIENCE_S)
        await asyncio.gather(*(client.close() for client in clients))
        if FIGURES is not None:
            counts = {"retried": pushing.retried, "reconnects": reconnects, "redelivered": redelivered}
            Path(FIGURES).write_text(
                json.dumps({**counts, **faults(pushing.sent, handled), "answered": pushing.answered})
            )
        assert handled == pushing.sent


def faults(sent: dict[int, list[int]], handled: dict[int, list[int]]) -> dict[str, list[int]]:
    """Return what was lost, handled twice, and handled after one that was sent later."""
    found: dict[str, list[int]] = {"lost": [], "twice": [], "disorder": []}
    for user, numbers in sent.items():
        times = Counter(handled[user])
        found["lost"] += [number for number in numbers if number not in times]
        found["twice"] += [number for number, count in times.items() if count > 1]
        places = {number: place for place, number in enumerate(numbers)}
        pairs = itertools.pairwise(handled[user])
        found["disorder"] += [later for earlier, later in pairs if places[later] < places[earlier]]
    return found
