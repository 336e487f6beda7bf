"""What the tests of the service share: an app over a home of one's own, and clients signed in as a given role."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from casework.making import new_home
from firstlight.casework.examine import PRELOAD
from firstlight.casework.home import Home
from firstlight.casework.settings import Service as ServiceSettings
from firstlight.media import Cage
from firstlight.store.tables import User
from firstlight.web.access import api_keys, sessions, users
from firstlight.web.access.policy import Permission, Role
from firstlight.web.app import create_app
from firstlight.web.service import Service

ADDRESS = "http://localhost"
SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin", "Accept": "text/html"}

SignedInAs = Callable[..., TestClient]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """An empty home."""
    with new_home(tmp_path / "home") as home:
        yield home


@pytest.fixture
def service(home: Home) -> Service:
    """The service over it, on loopback."""
    return Service(home=home, settings=ServiceSettings())


@pytest.fixture
def visitor(service: Service) -> TestClient:
    """A browser that nobody has signed in with; it follows no redirect."""
    return TestClient(create_app(service), ADDRESS, headers=SAME_ORIGIN, follow_redirects=False)


@pytest.fixture
def signed_in(service: Service) -> SignedInAs:
    """`signed_in(Role.REVIEWER)` is a browser with a session of a user who has this role (or these roles)."""

    def browser(*roles: Role, name: str = "") -> TestClient:
        name = name or f"{roles[0].value}-1"
        user, _ = users.add(service.home, name, roles)
        with service.home.work() as work:
            secret = sessions.begin(work, work.session.get_one(User, user.id), sessions.Way.PASSKEY)
        client = TestClient(create_app(service), ADDRESS, headers=SAME_ORIGIN, follow_redirects=False)
        client.cookies.set(service.cookie, secret)
        return client

    return browser


@pytest.fixture(scope="session")
def cage() -> Iterator[Cage]:
    """Caged workers for the whole session."""
    with Cage(workers=1, preload=PRELOAD) as cage:
        yield cage


def with_key(service: Service, *scopes: Permission, name: str = "machine") -> TestClient:
    """A machine whose key has these scopes."""
    _, secret = api_keys.add(service.home, name, scopes)
    return TestClient(create_app(service), ADDRESS, headers={"Authorization": f"Bearer {secret}"})
