"""A client of HMA's interface, as those that point at HMA today: without a key, on loopback."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from firstlight.casework.home import Home
from firstlight.casework.settings import Service as ServiceSettings
from firstlight.media import Cage
from firstlight.web.app import create_app
from firstlight.web.service import Service
from web.conftest import ADDRESS


@pytest.fixture
def service(home: Home, cage: Cage) -> Iterator[Service]:
    """The service with HMA's interface open on loopback."""
    settings = ServiceSettings(hma_open_on_loopback=True, fetch_hosts=("127.0.0.1",), largest_upload=3_000_000)
    service = Service(home=home, settings=settings, cage=cage)
    yield service
    service.audit.close()


@pytest.fixture
def hma(service: Service) -> TestClient:
    """The client."""
    return TestClient(create_app(service), ADDRESS, follow_redirects=False)
