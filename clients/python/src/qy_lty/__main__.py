"""`python -m qy_lty`: a client for the terminal, to try a gateway with."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import os
import sys
from typing import Any

from .client import LtyClient
from .errors import LtyError, one_line
from .storage import FileStorage

DESCRIPTION = "Try a qy-lty gateway. The token comes from LTY_TOKEN; LTY_URL is the gateway's address."
EPILOG = """examples:
  LTY_TOKEN=lty_… python -m qy_lty request weather '{"city": "上海"}'
  LTY_TOKEN=lty_… python -m qy_lty listen"""


def main(arguments: list[str] | None = None) -> int:
    """Run a command; returns the exit code: 2 for what cannot be right, 1 for what went wrong."""
    options = _parser().parse_args(arguments)
    token = os.environ.get("LTY_TOKEN", "")
    # The one line that is printed says what a log would.
    logging.getLogger("qy_lty").addHandler(logging.NullHandler())
    logging.getLogger("qy_lty").propagate = False
    try:
        if not token:
            raise ValueError("set LTY_TOKEN to a token, of `lty token create`")
        message = json.loads(options.message) if getattr(options, "message", None) else None
        storage = FileStorage(options.place) if options.place else None
        who = {"role": options.role, "device": options.device, "client_id": options.client_id}
        if options.place and not os.path.isdir(os.path.dirname(options.place) or "."):
            raise ValueError("--place has to be a file in a folder that is there")
        asyncio.run(_run(options, message, LtyClient(options.url, token=token, storage=storage, **who)))
    except KeyboardInterrupt:
        return 130
    except json.JSONDecodeError as error:
        return _fail(2, f"the message is no JSON: {error.msg}")
    except ValueError as error:
        return _fail(2, str(error))
    except LtyError as error:
        return _fail(1, f"{error} [{error.code}]")
    except BrokenPipeError:
        # Whoever read us has enough; Python would complain once more when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


async def _run(options: argparse.Namespace, message: Any, client: LtyClient) -> None:
    try:
        if options.command == "request":
            await client.connect(options.timeout)
            _print(dict(await client.request(options.type, message, timeout_s=options.timeout)))
        else:
            await _listen(client, options.count, options.timeout)
    finally:
        with contextlib.suppress(LtyError):
            await client.close()


async def _listen(client: LtyClient, count: int | None, timeout_s: float) -> None:
    async with client.messages() as messages:
        client.on("connection_status")(_print)
        for type in ("error", "skip", "reset", "bye"):
            client.on(type)(_print)
        await client.connect(timeout_s)
        seen = 0
        if count == 0:
            return
        async for message in messages:
            _print(message)
            seen += 1
            if seen == count:
                return


def _print(frame: Any) -> None:
    print(json.dumps(frame, ensure_ascii=False), flush=True)


def _fail(code: int, why: str) -> int:
    print(f"qy_lty: {one_line(why)}", file=sys.stderr)
    return code


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> Any:
        raise SystemExit(_fail(2, message))


def _parser() -> argparse.ArgumentParser:
    form = argparse.RawDescriptionHelpFormatter
    shared = _Parser(add_help=False)
    shared.add_argument("--url", default=os.environ.get("LTY_URL", "ws://127.0.0.1:8000"), help="the gateway's address")
    shared.add_argument("--role", choices=["app", "device"], help="as which of a user's sides")
    shared.add_argument("--device", help="which device, with --role device")
    shared.add_argument("--client-id", help="names an app, so that it misses nothing")
    shared.add_argument("--place", metavar="FILE", help="keeps the place in the log, for the next time")
    shared.add_argument(
        "--timeout", type=float, default=10, metavar="SECONDS", help="for a connection, or a reply (10)"
    )
    parser = _Parser(prog="python -m qy_lty", description=DESCRIPTION, epilog=EPILOG, formatter_class=form)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_Parser)
    request = commands.add_parser("request", parents=[shared], help="send one frame, and print the reply")
    request.add_argument("type", help="ping, chat_message, weather, sing, dance …")
    request.add_argument("message", nargs="?", help="the body, as JSON")
    listen = commands.add_parser("listen", parents=[shared], help="print what arrives, and acknowledge it")
    listen.add_argument("--count", type=int, help="stop after so many messages")
    return parser


if __name__ == "__main__":
    sys.exit(main())
