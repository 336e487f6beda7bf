"""The vault in a real object store with Object Lock: what it keeps, what it refuses, and how it outlives an outage."""

from __future__ import annotations

import contextlib
import importlib
import io
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from custody.conftest import digests_of
from custody.object_store import ACCESS_KEY, SECRET_KEY
from firstlight.clock import FixedClock
from firstlight.custody import CaseKey, Keyring, Stored, Vault
from firstlight.custody.storage import Place, Protection
from firstlight.custody.storages import s3, s3_client
from firstlight.custody.storages.s3 import Bucket, LockMode, S3Storage
from firstlight.custody.storages.s3_client import Speaks
from firstlight.errors import IntegrityError, NotFoundError, StateError, StorageError

boto3 = pytest.importorskip("boto3", reason="the extra s3 is not installed")
ClientError = importlib.import_module("botocore.exceptions").ClientError

DATA = bytes(range(256)) * 900
SOON = Speaks(attempts=2, connect_seconds=2, read_seconds=5)
NOW = datetime.now(UTC)  # the store's own clock decides what is still locked


@pytest.fixture(scope="module")
def endpoint(object_store_url: str) -> str:
    return object_store_url


@pytest.fixture(scope="module")
def admin(endpoint: str) -> Any:
    """Somebody else who has the same credentials."""
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
    )


@pytest.fixture
def bucket(endpoint: str, admin: Any, request: pytest.FixtureRequest) -> Bucket:
    name = f"vault-{abs(hash(request.node.name))}"
    admin.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    return Bucket(endpoint, name, ACCESS_KEY, SECRET_KEY, prefix="evidence/", speaks=SOON)


@pytest.fixture
def case_key(keyring: Keyring) -> CaseKey:
    return keyring.ensure_case_key("case-1")


def vault_in(bucket: Bucket, tmp_path: Path, keyring: Keyring, **more: Any) -> Vault:
    storage = S3Storage(bucket, tmp_path / "spool", clock=FixedClock(NOW), **more)
    return Vault(tmp_path / "unused", keyring, storage=storage)


def name_of(stored: Stored) -> str:
    return f"evidence/objects/{stored.key_id}/{stored.id}"


def refused(act: Any, **arguments: Any) -> int:
    with pytest.raises(ClientError) as found:
        act(**arguments)
    return int(found.value.response["ResponseMetadata"]["HTTPStatusCode"])


@pytest.mark.parametrize("size", [0, 1, len(DATA)])
def test_round_trip(bucket: Bucket, tmp_path: Path, keyring: Keyring, case_key: CaseKey, size: int) -> None:
    vault = vault_in(bucket, tmp_path, keyring)
    stored = vault.put(io.BytesIO(DATA[:size]), case_key)
    assert stored.digests == digests_of(DATA[:size])
    assert stored.place
    with vault.open(stored) as reader:
        assert reader.read() == DATA[:size]
        reader.seek(size // 2)
        assert reader.read(50) == DATA[:size][size // 2 :][:50]
    vault.check(stored)
    vault.check_sealed(stored)
    assert list(vault) == [(case_key.key_id, stored.id)]
    assert list(vault.disturbed()) == []
    assert not (tmp_path / "unused").exists()
    assert list((tmp_path / "spool" / "incoming").iterdir()) == []


def test_what_lies_there_is_sealed_and_locked(
    bucket: Bucket, admin: Any, tmp_path: Path, keyring: Keyring, case_key: CaseKey
) -> None:
    stored = vault_in(bucket, tmp_path, keyring).put(io.BytesIO(DATA), case_key)
    lies = admin.get_object(Bucket=bucket.name, Key=name_of(stored))["Body"].read()
    assert DATA[:64] not in lies
    assert len(lies) == stored.sealed_size
    kept = admin.get_object_retention(Bucket=bucket.name, Key=name_of(stored), VersionId=stored.place)["Retention"]
    assert kept["Mode"] == "COMPLIANCE"
    assert kept["RetainUntilDate"] >= NOW + timedelta(days=bucket.lock_days)


def test_a_large_object_goes_in_parts(bucket: Bucket, tmp_path: Path, keyring: Keyring, case_key: CaseKey) -> None:
    data = DATA * 60  # 13.8 MB in parts of 5
    vault = vault_in(bucket, tmp_path, keyring, part=5 * 1024 * 1024)
    stored = vault.put(io.BytesIO(data), case_key)
    vault.check(stored)
    with vault.open(stored) as reader:
        reader.seek(7_000_000)
        assert reader.read(1000) == data[7_000_000:7_001_000]


def test_nobody_removes_overwrites_or_unlocks_what_is_under_compliance(
    bucket: Bucket, admin: Any, tmp_path: Path, keyring: Keyring, case_key: CaseKey
) -> None:
    vault = vault_in(bucket, tmp_path, keyring)
    stored = vault.put(io.BytesIO(DATA), case_key)
    version = {"Bucket": bucket.name, "Key": name_of(stored), "VersionId": stored.place}
    sooner = {"Mode": "COMPLIANCE", "RetainUntilDate": NOW + timedelta(hours=1)}
    weaker = {"Mode": "GOVERNANCE", "RetainUntilDate": NOW + timedelta(days=90)}
    bypass = {"BypassGovernanceRetention": True}
    assert refused(admin.delete_object, **version) == 403
    assert refused(admin.delete_object, **version, **bypass) == 403
    assert refused(admin.put_object_retention, **version, Retention=sooner) == 403
    assert refused(admin.put_object_retention, **version, Retention=sooner, **bypass) == 403
    assert refused(admin.put_object_retention, **version, Retention=weaker, **bypass) == 403

    admin.delete_object(Bucket=bucket.name, Key=name_of(stored))  # leaves a mark, and the version
    assert [what for _, what in vault.disturbed()] == [
        "was marked as deleted in the object store; its version is there still"
    ]
    admin.put_object(Bucket=bucket.name, Key=name_of(stored), Body=b"something else")
    assert len(list(vault.disturbed())) == 2
    vault.check(stored)
    assert list(vault) == [(stored.key_id, stored.id)]

    until = vault.remove(stored)
    assert until is not None
    assert until >= NOW + timedelta(days=bucket.lock_days)
    vault.check(stored)


def test_governance_yields_to_its_permission_and_to_nothing_else(
    bucket: Bucket, admin: Any, tmp_path: Path, keyring: Keyring, case_key: CaseKey
) -> None:
    vault = vault_in(Bucket(**{**_fields(bucket), "lock": LockMode.GOVERNANCE}), tmp_path, keyring)
    stored, held = (vault.put(io.BytesIO(DATA), case_key) for _ in range(2))
    version = {"Bucket": bucket.name, "Key": name_of(stored), "VersionId": stored.place}
    assert refused(admin.delete_object, **version) == 403
    assert vault.protect(held, Protection(None, hold=True))
    of_held = {"Bucket": bucket.name, "Key": name_of(held), "VersionId": held.place}
    assert refused(admin.delete_object, **of_held, BypassGovernanceRetention=True) == 403
    admin.delete_object(**version, BypassGovernanceRetention=True)
    with pytest.raises(NotFoundError):
        vault.check(stored)
    vault.check(held)


def test_clocks_only_lengthen_and_holds_come_and_go(
    bucket: Bucket, tmp_path: Path, keyring: Keyring, case_key: CaseKey
) -> None:
    vault = vault_in(bucket, tmp_path, keyring)
    stored = vault.put(io.BytesIO(DATA), case_key)
    first = vault.protection(stored)
    assert first is not None
    assert first.until is not None
    assert not first.hold
    assert not vault.protect(stored, Protection(first.until - timedelta(days=3), hold=False))
    assert vault.protection(stored) == first
    later = (first.until + timedelta(days=365)).replace(microsecond=1)
    assert vault.protect(stored, Protection(later, hold=True))
    found = vault.protection(stored)
    assert found is not None
    assert found.until is not None
    assert later <= found.until < later + timedelta(seconds=1)
    assert found.hold
    assert not vault.protect(stored, Protection(later, hold=True))
    until = vault.remove(stored)
    assert until is not None
    assert until.year == 9999  # a hold has no end
    assert vault.protect(stored, Protection(None, hold=False))
    until = vault.remove(stored)
    assert until is not None
    assert until.year < 9999


def test_without_a_lock_it_can_be_removed(
    bucket: Bucket, admin: Any, tmp_path: Path, keyring: Keyring, case_key: CaseKey
) -> None:
    plain = Bucket(**{**_fields(bucket), "name": f"{bucket.name}-plain", "lock": LockMode.NONE})
    admin.create_bucket(Bucket=plain.name)
    vault = vault_in(plain, tmp_path, keyring)
    one, two, three = (vault.put(io.BytesIO(DATA), case_key) for _ in range(3))
    assert vault.protection(one) is None
    assert not vault.protect(one, Protection(NOW + timedelta(days=1), hold=True))
    assert vault.first_lock(NOW) is None
    assert vault.remove(one) is None
    assert vault.remove(one) is None  # it is gone, which is what was wanted
    assert vault.remove_unrecorded(two.key_id, two.id) is None
    assert list(vault) == [(three.key_id, three.id)]
    assert vault.shred(case_key) == 1
    with pytest.raises(NotFoundError):
        vault.open(three)


def test_a_bucket_that_cannot_lock_or_is_not_there_is_refused(
    bucket: Bucket, admin: Any, tmp_path: Path, keyring: Keyring
) -> None:
    admin.create_bucket(Bucket=f"{bucket.name}-plain")
    with pytest.raises(StateError, match="cannot lock"):
        vault_in(Bucket(**{**_fields(bucket), "name": f"{bucket.name}-plain"}), tmp_path, keyring)
    with pytest.raises(StateError, match="no bucket"):
        vault_in(Bucket(**{**_fields(bucket), "name": "nowhere-at-all"}), tmp_path, keyring)
    with pytest.raises(StorageError, match="refuses"):
        vault_in(Bucket(**{**_fields(bucket), "secret_key": "wrong"}), tmp_path, keyring)


def test_what_was_spoiled_on_the_way_is_found_by_reading_back(
    bucket: Bucket, tmp_path: Path, keyring: Keyring, case_key: CaseKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = s3_client.call

    def spoiling(client: Any, what: str, **arguments: Any) -> Any:
        if what == "put_object":
            body = bytearray(arguments["Body"])
            body[len(body) // 2] ^= 1
            arguments["Body"], arguments["ContentMD5"] = bytes(body), s3._md5(bytes(body))
        return real(client, what, **arguments)

    vault = vault_in(bucket, tmp_path, keyring)
    monkeypatch.setattr(s3, "call", spoiling)
    with pytest.raises(IntegrityError):
        vault.put(io.BytesIO(DATA), case_key)
    monkeypatch.undo()
    assert list(vault) == []


def test_the_store_itself_refuses_what_does_not_fit_its_md5(
    bucket: Bucket, tmp_path: Path, keyring: Keyring, case_key: CaseKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault = vault_in(bucket, tmp_path, keyring)
    monkeypatch.setattr(s3, "_md5", lambda _: "AAAAAAAAAAAAAAAAAAAAAA==")
    with pytest.raises(StorageError):
        vault.put(io.BytesIO(DATA), case_key)
    assert list(vault) == []


class Outage:
    """A door to the store that can be shut: connections are dropped, at once or so many times, or in mid-sentence."""

    def __init__(self, endpoint: str) -> None:
        self._target = int(endpoint.rsplit(":", 1)[1])
        self.drop = 0
        self.cut_after: int | None = None
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            if self.drop > 0:
                self.drop -= 1
                connection.close()
                continue
            threading.Thread(target=self._both_ways, args=(connection,), daemon=True).start()

    def _both_ways(self, connection: socket.socket) -> None:
        with connection, socket.create_connection(("127.0.0.1", self._target)) as there:
            back = threading.Thread(target=self._carry, args=(there, connection, None), daemon=True)
            back.start()
            self._carry(connection, there, self.cut_after)
            back.join()

    @staticmethod
    def _carry(source: socket.socket, target: socket.socket, limit: int | None) -> None:
        carried = 0
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                carried += len(data)
                if limit is not None and carried > limit:
                    break
                target.sendall(data)
        for one in (source, target):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def outage(endpoint: str) -> Iterator[Outage]:
    with closing(Outage(endpoint)) as door:
        yield door


def test_an_outage_heals_by_asking_again_and_is_told_when_it_does_not(
    bucket: Bucket, outage: Outage, tmp_path: Path, keyring: Keyring, case_key: CaseKey
) -> None:
    vault = vault_in(Bucket(**{**_fields(bucket), "endpoint": outage.url}), tmp_path, keyring)
    kept = vault.put(io.BytesIO(DATA), case_key)

    outage.drop = 1
    _hang_up(vault)
    again = vault.put(io.BytesIO(DATA), case_key)

    outage.cut_after = 40_000
    _hang_up(vault)
    with pytest.raises(StorageError, match="does not answer") as cut:
        vault.put(io.BytesIO(DATA), case_key)
    assert "Nothing is lost" in cut.value.diagnostics().hint
    outage.cut_after, outage.drop = None, 10_000
    _hang_up(vault)
    for act in (vault.check, vault.check_sealed, vault.open, vault.remove, vault.protection):
        with pytest.raises(StorageError, match="does not answer"):
            act(kept)
    with pytest.raises(StorageError, match="does not answer"):
        vault.put(io.BytesIO(DATA), case_key)

    outage.drop = 0
    vault.check(kept)
    vault.check(again)
    assert sorted(object_id for _, object_id in vault) == sorted([kept.id, again.id])
    assert list((tmp_path / "spool" / "incoming").iterdir()) == []


def test_uploads_that_were_cut_off_long_ago_are_ended(bucket: Bucket, admin: Any, tmp_path: Path) -> None:
    admin.create_multipart_upload(Bucket=bucket.name, Key="evidence/objects/a/b")
    for later, ended in ((timedelta(hours=1), 0), (timedelta(days=2), 1), (timedelta(days=3), 0)):
        storage = S3Storage(bucket, tmp_path / "spool", clock=FixedClock(NOW + later))
        assert storage.abandon_stale_uploads() == ended


def test_a_version_that_never_was_is_not_found(bucket: Bucket, tmp_path: Path) -> None:
    storage = S3Storage(bucket, tmp_path / "spool")
    with pytest.raises(NotFoundError):
        storage.open(Place("a" * 32, "b" * 32))
    assert storage.remove(Place("a" * 32, "b" * 32)) is None
    assert storage.remove_all("a" * 32) == 0


def _hang_up(vault: Vault) -> None:
    """Close the connections that are kept open, so that the next request makes a new one."""
    cast("Any", vault._storage)._client._endpoint.http_session.close()


def _fields(bucket: Bucket) -> dict[str, Any]:
    return {name: getattr(bucket, name) for name in Bucket.__dataclass_fields__}
