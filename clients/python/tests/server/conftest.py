from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.server import GatewayProcess


@pytest.fixture(scope="session")
def gateway() -> Iterator[GatewayProcess]:
    """One server for all tests that leave it running."""
    with GatewayProcess() as gateway:
        yield gateway
