"""What callers are told when the service itself is in trouble: enough to act on, and nothing of the machine."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from firstlight.errors import StorageError
from firstlight.store import Database

INNER = "The database x on db.internal cannot be reached: connection to server at 10.0.0.7 failed."


@pytest.mark.parametrize("path", ["/sign-in", "/v1/queue", "/m/lookup?signal_type=pdq&signal=0"])
def test_trouble_with_the_database_tells_no_host_and_no_folder(
    visitor: TestClient, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    def refused(*_: object) -> None:
        raise StorageError(INNER, hint="Look into /srv/firstlight.", code="storage.connection")

    monkeypatch.setattr(Database, "read", refused)
    monkeypatch.setattr(Database, "write", refused)
    answer = visitor.get(path, headers={"Authorization": "Bearer fl_x"})
    assert answer.status_code == 503
    assert "doctor" in answer.text
    assert "storage.connection" in answer.text
    for word in ("db.internal", "10.0.0.7", "/srv"):
        assert word not in answer.text
