"""A backend that pushes to a user, with the standard library alone.

A push that was not answered is made again under its key: it becomes one message.

LTY_TOKEN=$(npx lty token create --service backend --quiet) python3 examples/backend/push.py 2 "晚饭好了"
"""

from __future__ import annotations

import json
import os
import sys
import time
import urllib.error
import urllib.request
import uuid
from typing import Any

URL = os.environ.get("LTY_URL", "http://127.0.0.1:8000")
TRIES = 5


def push(user_id: int, message: object) -> Any:
    """Push, and return what became of it. Raises RuntimeError when the gateway will not have it."""
    request = urllib.request.Request(
        f"{URL}/api/messages/",
        method="POST",
        data=json.dumps({"type": "notice", "message": message, "user_id": user_id}).encode(),
        headers={
            "Authorization": f"Bearer {os.environ.get('LTY_TOKEN', '')}",
            "Content-Type": "application/json",
            "Idempotency-Key": str(uuid.uuid4()),
        },
    )
    for attempt in range(TRIES):
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return json.loads(answer.read())["data"]
        except urllib.error.HTTPError as refused:
            if refused.code < 500:
                raise RuntimeError(json.loads(refused.read())["message"]) from None
        except OSError:
            pass
        time.sleep(2**attempt / 10)
    raise RuntimeError(f"not accepted in {TRIES} tries")


try:
    user, text = sys.argv[1:]
    print(f"accepted as {push(int(user), text)['seq']}")
except (RuntimeError, ValueError) as why:
    sys.exit(f"push: {why}")
