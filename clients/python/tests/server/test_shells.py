"""The synchronous client, the one for the terminal, and the compatible one, against a real server."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from qy_lty import DeviceWebSocketClient, RequestFailed, Unauthenticated
from qy_lty.sync import LtyClient
from support.server import GatewayProcess

SOURCE = Path(__file__).resolve().parents[2] / "src"
PATIENCE_S = 30


class TestSync:
    def test_asks_and_iterates(self, gateway: GatewayProcess) -> None:
        user = gateway.user("sync")
        token = gateway.token(device_id=gateway.device("sync", user))
        with LtyClient(gateway.url, token=token) as client:
            assert client.request("weather", city="上海")["data"]["city"]["name"] == "上海"
            with pytest.raises(RequestFailed):
                client.request("fly")
            for n in range(3):
                gateway.push(user, n)
            seen = []
            for message in client.messages():
                seen.append(message.get("message"))
                if len(seen) == 3:
                    break
            assert seen == [0, 1, 2]
        client.close()
        with pytest.raises(RuntimeError, match="closed"):
            client.send("ping")

    def test_handlers_run_on_threads(self, gateway: GatewayProcess) -> None:
        user = gateway.user("threads")
        handled: list[Any] = []
        done = threading.Event()
        client = LtyClient(gateway.url, token=gateway.token(device_id=gateway.device("threads", user)))

        @client.on("notice")
        def handle(frame: Any) -> None:
            # It may wait for a reply, on its thread.
            handled.append((frame["message"], client.request("ping")["type"], threading.current_thread().name))
            done.set()

        with client:
            gateway.push(user, "hi")
            assert done.wait(PATIENCE_S)
        assert handled[0][:2] == ("hi", "pong")
        assert handled[0][2] not in ("MainThread", "qy_lty")

    def test_errors_are_the_same(self, gateway: GatewayProcess) -> None:
        with pytest.raises(Unauthenticated), LtyClient(gateway.url, token="lty_unknown"):
            pytest.fail("it cannot connect")
        with pytest.raises(ValueError, match="url"):
            LtyClient("nowhere", token="t")


def run(gateway: GatewayProcess, *arguments: str, token: str | None = None) -> subprocess.CompletedProcess[str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("LTY_")}
    environment = {**own, "PYTHONPATH": str(SOURCE), "LTY_URL": gateway.url, "PYTHONUTF8": "1"}
    if token is not None:
        environment["LTY_TOKEN"] = token
    command = [sys.executable, "-m", "qy_lty", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


class TestTerminal:
    def test_asks(self, gateway: GatewayProcess) -> None:
        token = gateway.token(user_id=gateway.user("terminal"))
        done = run(gateway, "request", "weather", '{"city": "上海"}', token=token)
        assert (done.returncode, done.stderr) == (0, "")
        assert json.loads(done.stdout)["data"]["city"]["name"] == "上海"

    def test_listens(self, gateway: GatewayProcess, tmp_path: Path) -> None:
        user = gateway.user("listens")
        token = gateway.token(device_id=gateway.device("listens", user))
        for n in range(3):
            gateway.push(user, n)
        place = str(tmp_path / "place.json")
        done = run(gateway, "listen", "--count", "2", "--place", place, token=token)
        assert [json.loads(line).get("message") for line in done.stdout.splitlines()] == [None, 0, 1]
        done = run(gateway, "listen", "--count", "1", "--place", place, token=token)
        assert [json.loads(line).get("message") for line in done.stdout.splitlines()] == [None, 2]
        assert done.returncode == 0

    @pytest.mark.parametrize(
        ("arguments", "token", "code", "says"),
        [
            (["request", "ping"], None, 2, "set LTY_TOKEN"),
            (["request", "ping"], "lty_secret", 1, "Authentication required"),
            (["request", "ping", "{"], "t", 2, "the message is no JSON"),
            (["request", "ping", "--url", "nowhere"], "t", 2, "the url has to look like"),
            (["request", "ping", "--url", "ws://127.0.0.1:1", "--timeout", "1"], "t", 1, "[NOT_CONNECTED]"),
            (["request", "ping", "--place", "/no/such/place"], "t", 2, "--place has to be"),
            (["dance"], "t", 2, "invalid choice"),
            ([], "t", 2, "required"),
            (["listen", "--count", "x"], "t", 2, "invalid int"),
            (["request", "ping", "--client-id", "a b"], "t", 2, "client_id has to be"),
        ],
    )
    def test_errors_are_one_clear_line(
        self, gateway: GatewayProcess, arguments: list[str], token: str | None, code: int, says: str
    ) -> None:
        done = run(gateway, *arguments, token=token)
        assert done.returncode == code
        assert says in done.stderr
        assert len(done.stderr.splitlines()) == 1
        assert done.stdout == ""
        assert "lty_secret" not in done.stderr

    def test_a_refused_question_is_an_error(self, gateway: GatewayProcess) -> None:
        done = run(gateway, "request", "fly", token=gateway.token(user_id=gateway.user("refused")))
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == "qy_lty: Unsupported message type: fly [UNSUPPORTED_TYPE]\n"


async def test_a_program_for_the_original_client_runs(gateway: GatewayProcess) -> None:
    user = gateway.user("compatible")
    client = DeviceWebSocketClient(gateway.token(user_id=user), gateway.url)
    seen: dict[str, Any] = {}
    answered = asyncio.Event()

    def keep(type: str) -> None:
        async def handler(data: dict[str, Any]) -> None:
            seen[type] = data
            if len(seen) == 4:
                answered.set()

        client.register_handler(type, handler)

    for type in ("chat_response", "weather_response", "sing_response", "notice"):
        keep(type)
    await client.connect()
    await client.send_chat_message("你好")
    await client.request_weather("上海")
    await client.request_sing("青花瓷", "周杰伦")
    await asyncio.to_thread(gateway.push, user, "晚饭好了")
    await asyncio.wait_for(answered.wait(), PATIENCE_S)
    assert client.websocket is not None
    await client.disconnect()
    assert seen["chat_response"]["message"] == "收到消息:你好"
    assert seen["weather_response"]["data"]["weather"]["now"]["temp"] == "25"
    assert seen["sing_response"]["message"] == "开始播放:青花瓷 - 周杰伦"
    assert seen["notice"]["message"] == "晚饭好了"
