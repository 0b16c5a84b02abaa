from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from qy_lty.testing import settle
from support.scene import Recorder, Scene


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    scene = Scene()
    yield scene
    for client in scene.clients:
        await client.close(0)
    await settle()


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()
