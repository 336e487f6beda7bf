"""Every address, called as every role: who may not is refused, and an address that asks for nothing is found."""

from __future__ import annotations

import re

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.testclient import TestClient

from firstlight.web.access.policy import FOR_MACHINES, GRANTS, Permission, Role
from firstlight.web.app import routed
from firstlight.web.callers import Anybody, Require
from firstlight.web.service import Service
from web.conftest import SignedInAs, with_key

OPEN = {
    ("GET", "/status"), ("GET", "/status/live"), ("GET", "/sign-in"), ("POST", "/sign-in/begin"),
    ("POST", "/sign-in/finish"), ("POST", "/sign-in/oidc"), ("GET", "/sign-in/oidc/back"),
    ("GET", "/enter/{secret}"), ("POST", "/enter"), ("GET", "/v1/openapi.json"),
}  # fmt: skip
"""What anybody may call. Whoever adds to it has to say why in a review."""
_VALUES = {"secret": "x" * 43, "api": "ncmec", "name": "NONE", "bank": "NONE"}


def gates(dependant: Dependant) -> set[Permission | None]:
    """The permissions that a route asks for; None stands for anybody."""
    out: set[Permission | None] = set()
    for each in dependant.dependencies:
        if isinstance(each.call, Require):
            out.add(each.call.permission)
        elif isinstance(each.call, Anybody):
            out.add(None)
        out |= gates(each)
    return out


@pytest.fixture
def table(service: Service) -> dict[tuple[str, str], Permission | None]:
    """Method and path of each route, with the permission that it asks for."""
    out: dict[tuple[str, str], Permission | None] = {}
    for found in iter_route_contexts(routed(service).routes):
        if isinstance(found.original_route, APIRoute):
            asked = gates(found.original_route.dependant)
            where = f"{sorted(found.methods or ())} {found.path}"
            assert len(asked) == 1, f"{where} asks for {asked or 'nothing'}: name one permission"
            for method in (found.methods or set()) - {"HEAD"}:
                out[method, found.path or ""] = next(iter(asked))
    return out


def test_every_route_names_one_permission_and_only_these_are_open(
    table: dict[tuple[str, str], Permission | None],
) -> None:
    assert len(table) > 60
    assert {place for place, asked in table.items() if asked is None} == OPEN


def test_nothing_else_answers_but_static_files(service: Service) -> None:
    found = iter_route_contexts(routed(service).routes)
    assert [each.path for each in found if not isinstance(each.original_route, APIRoute)] == ["/static"]


@pytest.mark.parametrize("role", list(Role))
def test_whoever_lacks_the_permission_is_refused_everywhere(
    table: dict[tuple[str, str], Permission | None], signed_in: SignedInAs, role: Role
) -> None:
    browser = signed_in(role)
    for (method, path), asked in table.items():
        if asked is not None and asked not in GRANTS[role]:
            assert _status(browser, method, path) == 403, f"{method} {path} as {role}"


def test_nobody_gets_nowhere(table: dict[tuple[str, str], Permission | None], visitor: TestClient) -> None:
    visitor.headers["accept"] = "application/json"
    for (method, path), asked in table.items():
        if asked is not None:
            assert _status(visitor, method, path) == 401, f"{method} {path}"


def test_a_key_of_every_scope_gets_at_no_media_and_decides_nothing(
    table: dict[tuple[str, str], Permission | None], service: Service
) -> None:
    machine = with_key(service, *FOR_MACHINES)
    forbidden = {asked for asked in table.values() if asked is not None} - FOR_MACHINES
    assert {Permission.DECIDE, Permission.MEDIA_VIEW, Permission.REPORT, Permission.USERS} <= forbidden
    for (method, path), asked in table.items():
        if asked in forbidden:
            assert _status(machine, method, path) == 403, f"{method} {path}"


def test_an_admin_sees_no_content() -> None:
    content = {
        Permission.MEDIA_VIEW,
        Permission.CASES_READ,
        Permission.QUEUE_READ,
        Permission.SEARCH,
        Permission.EXPORT,
    }
    assert not content & GRANTS[Role.ADMIN]
    assert not {Permission.MEDIA_VIEW, Permission.DECIDE} & GRANTS[Role.AUDITOR]


def _status(client: TestClient, method: str, path: str) -> int:
    address = re.sub(r"\{(\w+)(:\w+)?\}", lambda found: _VALUES.get(found[1], "1"), path)
    return client.request(method, address, json={} if method in ("POST", "PUT", "PATCH") else None).status_code
