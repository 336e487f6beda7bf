"""From settings to keys and vault: a file, a passphrase, what is not built yet; a folder, a bucket that locks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from casework.making import SETTINGS, jpeg, next_items, png, put, take_in
from firstlight.casework import acts, holds, leftovers, protection, reconcile, retention, review
from firstlight.casework.home import Home
from firstlight.casework.review import Conclusion, Finding
from firstlight.clock import FixedClock
from firstlight.errors import FirstlightError, InputError, IntegrityError, NotFoundError, StateError, StorageError
from firstlight.media import Cage

WHY = "an investigation that goes on"
PASSPHRASE = "five ordinary vegetables in a row"


def home_with(folder: Path, more: str, clock: FixedClock | None = None) -> Home:
    folder.mkdir(mode=0o700, exist_ok=True)
    (folder / "settings.toml").write_text(SETTINGS + more)
    return Home.open(folder, clock=clock)


def secret(folder: Path, name: str, text: str, mode: int = 0o600) -> None:
    folder.mkdir(mode=0o700, exist_ok=True)
    (folder / name).write_text(text)
    (folder / name).chmod(mode)


WITH_PASSPHRASE = '[keys]\nprovider = "passphrase"\npassphrase_file = "pass"\n'


def test_a_passphrase_opens_the_home_and_another_does_not(tmp_path: Path, cage: Cage) -> None:
    folder = tmp_path / "home"
    secret(folder, "pass", PASSPHRASE + "\n")
    with home_with(folder, WITH_PASSPHRASE) as home:
        take_in(home, cage, [put(tmp_path / "in", {"a.jpg": jpeg(1)})])
    assert not (folder / "keys" / "kek.key").exists()
    with home_with(folder, WITH_PASSPHRASE) as home:
        assert reconcile.reconcile(home, originals=True).adds_up
    secret(folder, "pass", "five other vegetables in a row")
    with pytest.raises(IntegrityError, match="does not open"):
        home_with(folder, WITH_PASSPHRASE)
    with pytest.raises(StateError, match="made by a passphrase"):
        home_with(folder, "")
    (folder / "keys" / "kek.salt").unlink()
    with pytest.raises(NotFoundError, match="not there"):
        home_with(folder, WITH_PASSPHRASE)


@pytest.mark.parametrize(
    ("more", "prepare", "says"),
    [
        ('[keys]\nprovider = "passphrase"\n', None, "name no file"),
        (WITH_PASSPHRASE, ("short", 0o600), "at least 12"),
        (WITH_PASSPHRASE, (PASSPHRASE, 0o644), "Others may read"),
        (WITH_PASSPHRASE, None, "Cannot read"),
        ('[keys]\nprovider = "aws-kms"\n', None, "AWS KMS are not built"),
        ('[keys]\nprovider = "pkcs11"\n', None, "PKCS#11 token are not built"),
        ('[keys]\nprovider = "paper"\n', None, "keys.provider"),
        ('[retention]\nreported = "nowhere"\n', None, "not there"),
        ('[retention]\nreported = "house-not-reported"\n', None, "no minimum"),
    ],
)
def test_settings_that_cannot_be_used_are_told(
    tmp_path: Path, more: str, prepare: tuple[str, int] | None, says: str
) -> None:
    if prepare is not None:
        secret(tmp_path / "home", "pass", *prepare)
    with pytest.raises(FirstlightError, match=says):
        home_with(tmp_path / "home", more)


@pytest.mark.parametrize(
    ("more", "credentials", "says"),
    [
        ("", None, "do not say where"),
        ('endpoint = "http://127.0.0.1:9"\nbucket = "b"\n', None, "Cannot read"),
        ('endpoint = "http://127.0.0.1:9"\nbucket = "b"\n', "access_key = 'x'\n", "no credentials"),
        ('endpoint = "127"\nbucket = "b"\n', "access_key = 'x'\nsecret_key = 'y'\n", "no address"),
    ],
)
def test_a_bucket_that_is_not_fully_named_is_told(
    tmp_path: Path, more: str, credentials: str | None, says: str
) -> None:
    pytest.importorskip("boto3", reason="the extra s3 is not installed")
    if credentials is not None:
        secret(tmp_path / "home", "s3-credentials.toml", credentials)
    with (
        home_with(tmp_path / "home", f'[vault]\nstorage = "s3"\n{more}') as home,
        pytest.raises((InputError, StorageError), match=says),
    ):
        _ = home.vault


@pytest.fixture
def locked(object_store_url: str, tmp_path: Path) -> Iterator[Home]:
    """A home whose originals lie in a real object store that locks them."""
    boto3: Any = pytest.importorskip("boto3", reason="the extra s3 is not installed")
    folder = tmp_path / "home"
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    client = boto3.client("s3", endpoint_url=object_store_url, region_name="us-east-1", **keys)
    client.create_bucket(Bucket=f"home-{tmp_path.name}".replace("_", "-")[:60], ObjectLockEnabledForBucket=True)
    name = f"home-{tmp_path.name}".replace("_", "-")[:60]
    secret(folder, "s3-credentials.toml", 'access_key = "test"\nsecret_key = "test"\n')
    more = f'[vault]\nstorage = "s3"\nendpoint = "{object_store_url}"\nbucket = "{name}"\n'
    with home_with(folder, more, FixedClock(datetime.now(UTC), timedelta(milliseconds=1))) as home:
        yield home


def clear(home: Home) -> None:
    innocent = Conclusion.of(finding=Finding.NOT_REPORTABLE, why="A picture of a holiday.")
    review.decide(home, 1, innocent, actor="rev-1", items=next_items(home, 1))


def test_an_object_store_enforces_clocks_and_holds_and_a_shred_ends_with_the_key(
    locked: Home, cage: Cage, tmp_path: Path
) -> None:
    take_in(locked, cage, [put(tmp_path / "in", {"a.png": png(1)})])
    first = protection.protect(locked)
    assert (first.enforced, first.originals, first.changed) == (True, 1, 0)
    clear(locked)
    extended = retention.extend(locked, 1, locked.clock.now() + timedelta(days=400), actor="op", purpose=WHY)
    assert protection.protect(locked).changed == 1
    assert protection.protect(locked).changed == 0
    with locked.look() as work:
        stored = next(iter(_stored(work)))
    kept = locked.vault.protection(stored)
    assert kept is not None
    assert kept.until is not None
    assert kept.until >= extended.ends

    holds.put_on(locked, 1, authority="letter 7", reason=WHY, actor="ada")
    assert (found := locked.vault.protection(stored)) is not None
    assert found.hold
    asked = holds.lift(locked, 1, reason=WHY, actor="ada")
    acts.approve(locked, asked.act_sha256, actor="bea")
    assert holds.lift(locked, 1, reason=WHY, actor="ada").approved_by == "bea"
    assert (found := locked.vault.protection(stored)) is not None
    assert not found.hold

    early = retention.destroy_early(locked, 1, actor="ada", reason="the uploader has shown that it is theirs")
    acts.approve(locked, early.act_sha256, actor="bea")
    done = retention.destroy_early(locked, 1, actor="ada", reason="the uploader has shown that it is theirs")
    assert done.certificate is not None
    assert done.certificate.sealed_until is not None
    assert done.certificate.sealed_until >= extended.ends
    with pytest.raises(StateError):
        locked.vault.open(stored)
    account = reconcile.reconcile(locked, originals=True)
    assert account.adds_up, account.discrepancies


def test_a_store_that_is_away_loses_nothing(
    locked: Home, cage: Cage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = put(tmp_path / "in", {"a.png": png(1), "b.png": png(2)})
    storage: Any = locked.vault

    def away(*_: object) -> None:
        raise StorageError("The object store http://127.0.0.1 does not answer (Test).", code="storage.s3-away")

    monkeypatch.setattr(storage._storage, "put", away)
    with pytest.raises(StorageError, match="does not answer"):
        take_in(locked, cage, [folder])
    monkeypatch.undo()
    take_in(locked, cage, [folder])
    clear(locked)
    monkeypatch.setattr(storage._storage, "protection", away)
    with pytest.raises(StorageError, match="The hold stands, and the object store could not be told"):
        holds.put_on(locked, 1, authority="letter 7", reason=WHY, actor="ada")
    monkeypatch.undo()
    assert len(holds.of_case(locked, 1)) == 1
    assert protection.protect(locked, 1).changed == 1
    account = reconcile.reconcile(locked, originals=True)
    assert account.adds_up, account.discrepancies
    assert account.came_in == 2
    assert account.leftovers == 0


def test_what_somebody_else_does_in_the_bucket_is_told(locked: Home, cage: Cage, tmp_path: Path) -> None:
    take_in(locked, cage, [put(tmp_path / "in", {"a.png": png(1)})])
    storage: Any = locked.vault
    bucket, client = storage._storage._bucket, storage._storage._client
    with locked.look() as work:
        stored = next(iter(_stored(work)))
    client.delete_object(Bucket=bucket.name, Key=f"objects/{stored.key_id}/{stored.id}")
    account = reconcile.reconcile(locked, originals=True)
    assert ["marked as deleted" in one.says for one in account.discrepancies] == [True]


def test_what_an_intake_left_in_the_bucket_is_adopted(locked: Home, cage: Cage) -> None:
    import io

    locked.vault.put(io.BytesIO(png(1)), locked.keyring.ensure_case_key("it-1"))
    (one,) = leftovers.leftovers(locked, adopt=True).leftovers
    assert one.became is leftovers.Became.ADOPTED
    take_in(locked, cage, [])
    assert reconcile.reconcile(locked, originals=True).adds_up


def test_a_home_keeps_the_place_it_began_with(locked: Home, cage: Cage, tmp_path: Path) -> None:
    take_in(locked, cage, [put(tmp_path / "in", {"a.png": png(1)})])
    text = (locked.folder / "settings.toml").read_text()
    (locked.folder / "settings.toml").write_text(SETTINGS)
    with Home.open(locked.folder) as again, pytest.raises(StateError, match="lie in an object store"):
        _ = again.vault
    with home_with(tmp_path / "other", "") as other:
        take_in(other, cage, [tmp_path / "in"])
    secret(tmp_path / "other", "s3-credentials.toml", 'access_key = "test"\nsecret_key = "test"\n')
    (tmp_path / "other" / "settings.toml").write_text(text)
    with Home.open(tmp_path / "other") as again, pytest.raises(StateError, match="lie in /"):
        _ = again.vault


def _stored(work: Any) -> list[Any]:
    from sqlalchemy import select

    from firstlight.custody import Stored
    from firstlight.store.tables import Item

    return [Stored.from_json(row) for row in work.session.scalars(select(Item.stored))]
