"""A gateway process with a database of its own, for tests from the outside."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import tempfile
import threading
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

ROOT = Path(__file__).resolve().parents[4]
LTY = ROOT / "node_modules" / ".bin" / "lty"
_START_S = 60


class GatewayProcess:
    """`lty serve` on a free port, beside an admin. Killed and started again, it keeps its port."""

    def __init__(self, **settings: str) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="qy-lty-python-")
        self._settings = {
            "LTY_DATABASE_URL": f"sqlite:{self._folder.name}/lty.db",
            "LTY_WEATHER_PROVIDER": "fixed",
            "LTY_RATE_LIMIT_MESSAGES": "0",
            "LTY_LOG_LEVEL": "warn",
            **settings,
        }
        self.port = 0
        self.log = ""
        self._process: subprocess.Popen[str] | None = None
        self.lty("user", "create", "root", "--admin")
        self.admin = self.lty("token", "create", "--user", "root", "--quiet")
        self.serve()

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    def serve(self) -> None:
        """Start the process; returns when it listens."""
        process = self._process = subprocess.Popen(
            [LTY, "serve"],
            cwd=self._folder.name,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        listening = threading.Event()

        def read() -> None:
            assert process.stdout is not None
            for line in process.stdout:
                self.log += line
                if found := re.search(r"http://[\d.]+:(\d+)", line):
                    self.port = int(found[1])
                    listening.set()
            listening.set()

        threading.Thread(target=read, daemon=True).start()
        listening.wait(_START_S)
        if process.poll() is not None or not self.port:
            raise RuntimeError(f"the server did not start:\n{self.log}")

    def end(self, signal_number: int = signal.SIGTERM) -> None:
        """Signal the process and wait for its end."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal_number)
            self._process.wait()
        if self._process is not None and self._process.stdout is not None:
            self._process.stdout.close()

    def kill(self) -> None:
        """`kill -9`."""
        self.end(signal.SIGKILL)

    def lty(self, *arguments: str) -> str:
        """Run a command of the command line; returns what it printed."""
        run = subprocess.run([LTY, *arguments], env=self._environment(), capture_output=True, text=True, check=False)
        if run.returncode != 0:
            raise RuntimeError(run.stderr)
        return run.stdout.strip()

    def api(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Call the API as the admin; returns `data`."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            method=method,
            data=json.dumps(body).encode() if body is not None else None,
            headers={"Authorization": f"Bearer {self.admin}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request) as answer:
            return json.loads(answer.read())["data"]

    def user(self, name: str) -> int:
        return int(self.api("POST", "/api/users/", {"username": name})["id"])

    def device(self, name: str, owner: int | None = None) -> int:
        binding = {} if owner is None else {"user_id": owner}
        return int(self.api("POST", "/api/devices/", {"name": name, **binding})["id"])

    def token(self, **owner: Any) -> str:
        return str(self.api("POST", "/api/tokens/", owner)["token"])

    def push(self, user_id: int, message: Any, type: str = "notice") -> Any:
        return self.api("POST", "/api/messages/", {"type": type, "message": message, "user_id": user_id})

    def __enter__(self) -> GatewayProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        self._folder.cleanup()

    def _environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("LTY_")}
        return {**inherited, **self._settings, "LTY_PORT": str(self.port)}
