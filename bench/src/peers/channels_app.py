"""Django Channels with channels_redis, as the original system ran it: a consumer in a group for its user and one for all,
and two views that send to a group. Started as ``uvicorn channels_app:application``."""

import json
import os
import uuid
from datetime import datetime, timezone

import django
from django.conf import settings

settings.configure(
    SECRET_KEY="bench",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    CHANNEL_LAYERS={
        "default": {
            "BACKEND": "channels_redis.core.RedisChannelLayer",
            "CONFIG": {"hosts": [os.environ["BENCH_REDIS"]]},
        }
    },
)
django.setup()

from channels.generic.websocket import AsyncWebsocketConsumer  # noqa: E402
from channels.layers import get_channel_layer  # noqa: E402
from channels.routing import ProtocolTypeRouter  # noqa: E402
from django.core.asgi import get_asgi_application  # noqa: E402
from django.http import HttpRequest, JsonResponse  # noqa: E402
from django.urls import path  # noqa: E402

with open(os.environ["BENCH_TOKENS"], encoding="utf-8") as lines:
    USERS = {token: str(line) for line, token in enumerate(lines.read().split("\n"), 1)}
EVERYBODY = "everybody"


def now() -> str:
    return datetime.now(timezone.utc).isoformat()


class Device(AsyncWebsocketConsumer):
    groups = [EVERYBODY]

    async def connect(self) -> None:
        token = self.scope["query_string"].decode().removeprefix("token=")
        user = USERS.get(token)
        if user is None:
            await self.close()
            return
        self.group = f"user_{user}"
        await self.channel_layer.group_add(self.group, self.channel_name)
        await self.accept()
        await self.send(json.dumps({"type": "connection_status", "status": "connected", "timestamp": now()}))

    async def disconnect(self, code: int) -> None:
        if hasattr(self, "group"):
            await self.channel_layer.group_discard(self.group, self.channel_name)

    async def push(self, event: dict) -> None:
        await self.send(event["frame"])


async def send(request: HttpRequest, broadcast: bool = False) -> JsonResponse:
    body = json.loads(request.body)
    data = {"type": body["type"], "message": body["message"], "timestamp": now(), "message_id": str(uuid.uuid4())}
    group = EVERYBODY if broadcast else f"user_{body['user_id']}"
    await get_channel_layer().group_send(group, {"type": "push", "frame": json.dumps(data)})
    return JsonResponse({"status": "success", "data": data})


async def to_everybody(request: HttpRequest) -> JsonResponse:
    return await send(request, broadcast=True)


urlpatterns = [path("api/messages/", send), path("api/broadcast/", to_everybody)]
application = ProtocolTypeRouter({"http": get_asgi_application(), "websocket": Device.as_asgi()})
