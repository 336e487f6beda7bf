from __future__ import annotations

import importlib
import io
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from custody.conftest import small_case
from firstlight.clock import FixedClock
from firstlight.custody import Act, ActKind, Approval, CustodyLog, EventType, Keyring, Stored, Vault, verify_package
from firstlight.custody.media_bag import MAX_RECIPIENTS, export_media, media_details
from firstlight.errors import InputError, IntegrityError, MissingExtraError, NotFoundError, RefusedError

ORIGINALS = (b"the bytes of an ordinary photograph of a carrot", b"x" * 200_000, b"")


@pytest.fixture
def age() -> Any:
    return pytest.importorskip("pyrage", reason="the library pyrage is not at hand: pip install pyrage")


@pytest.fixture
def vault(tmp_path: Path, keyring: Keyring) -> Vault:
    return Vault(tmp_path / "vault", keyring)


@pytest.fixture
def objects(vault: Vault, keyring: Keyring, log: CustodyLog, clock: FixedClock) -> list[Stored]:
    small_case(log, clock)
    return [vault.put(io.BytesIO(data), keyring.ensure_case_key("case-1")) for data in ORIGINALS]


def asked(objects: list[Stored], clock: FixedClock, recipients: list[str]) -> Act:
    return Act(
        act=ActKind.EXPORT_WITH_MEDIA,
        case="case-1",
        requester="u-1",
        requested=clock.now(),
        nonce="1",
        details=media_details(name="media-1", objects=objects, recipients=recipients),
    )


def approved(act: Act, clock: FixedClock) -> Approval:
    return Approval(act_sha256=act.digest(), approver="u-2", at=clock.now())


def test_only_the_agency_can_open_what_it_gets(
    tmp_path: Path, age: Any, vault: Vault, objects: list[Stored], log: CustodyLog, clock: FixedClock
) -> None:
    agency, stranger = age.x25519.Identity.generate(), age.x25519.Identity.generate()
    act = asked([*objects, objects[0]], clock, [str(agency.to_public())])
    report = export_media(act, [approved(act, clock)], objects, "Example Ltd", vault, tmp_path, log, clock)
    folder = Path(report.folder)
    assert verify_package(folder, log.verifier.vkey).ok
    media = sorted((folder / "data" / "media").iterdir())
    assert len(media) == 3
    found = {path.name: age.decrypt(path.read_bytes(), [agency]) for path in media}
    assert found == {f"{one.digests.sha256}.age": data for one, data in zip(objects, ORIGINALS, strict=True)}
    with pytest.raises(age.DecryptError):
        age.decrypt(media[0].read_bytes(), [stranger])
    everything = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert ORIGINALS[0] not in everything
    assert ORIGINALS[1][:64] not in everything
    logged = [one.event.payload for one in log.entries(types=[EventType.APPROVE, EventType.EXPORT]) if one.event]
    assert logged[0]["act"] == act.model_dump(mode="json")
    assert (logged[1]["act_sha256"], logged[1]["media"]) == (act.digest(), 3)


def test_a_changed_ciphertext_is_named(
    tmp_path: Path, age: Any, vault: Vault, objects: list[Stored], log: CustodyLog, clock: FixedClock
) -> None:
    act = asked(objects, clock, [str(age.x25519.Identity.generate().to_public())])
    report = export_media(act, [approved(act, clock)], objects, "Example Ltd", vault, tmp_path, log, clock)
    name = f"data/media/{objects[1].digests.sha256}.age"
    victim = Path(report.folder) / name
    data = bytearray(victim.read_bytes())
    data[-1] ^= 1
    victim.write_bytes(data)
    assert verify_package(Path(report.folder)).where == name


def test_nothing_leaves_without_the_second_person(
    tmp_path: Path, vault: Vault, objects: list[Stored], log: CustodyLog, clock: FixedClock
) -> None:
    act = asked(objects, clock, ["age1agency"])
    other = asked(objects, clock, ["age1somebody-else"])
    size = len(log)
    own = approved(act, clock).model_copy(update={"approver": "u-1"})
    for approvals in ([], [own], [approved(other, clock)]):
        with pytest.raises(RefusedError, match="second person"):
            export_media(act, approvals, objects, "Example", vault, tmp_path, log, clock)
    late = approved(act, clock)
    clock.advance(timedelta(minutes=11))
    with pytest.raises(RefusedError, match="run out"):
        export_media(act, [late], objects, "Example", vault, tmp_path, log, clock)
    assert len(log) == size


def test_only_what_was_approved_leaves(
    tmp_path: Path, vault: Vault, objects: list[Stored], log: CustodyLog, clock: FixedClock
) -> None:
    act = asked(objects[:2], clock, ["age1agency"])
    for given in (objects, objects[:1], []):
        with pytest.raises(RefusedError, match="not the files"):
            export_media(act, [approved(act, clock)], given, "Example", vault, tmp_path, log, clock)
    for recipients in ([], [f"age1{i}" for i in range(MAX_RECIPIENTS + 1)]):
        act = asked(objects, clock, recipients)
        with pytest.raises(RefusedError, match="no keys"):
            export_media(act, [approved(act, clock)], objects, "Example", vault, tmp_path, log, clock)


def test_what_is_no_age_key_is_refused(
    tmp_path: Path, age: Any, vault: Vault, objects: list[Stored], log: CustodyLog, clock: FixedClock
) -> None:
    act = asked(objects, clock, ["age1agency"])
    with pytest.raises(InputError, match="no age key"):
        export_media(act, [approved(act, clock)], objects, "Example", vault, tmp_path, log, clock)


def test_a_damaged_or_missing_original_makes_no_package(
    tmp_path: Path, age: Any, vault: Vault, objects: list[Stored], log: CustodyLog, clock: FixedClock
) -> None:
    act = asked(objects, clock, [str(age.x25519.Identity.generate().to_public())])
    path = next(one for one in (tmp_path / "vault" / "objects").rglob(objects[1].id))
    data = bytearray(path.read_bytes())
    data[100_000] ^= 1
    path.write_bytes(data)
    with pytest.raises(IntegrityError):
        export_media(act, [approved(act, clock)], objects, "Example", vault, tmp_path, log, clock)
    path.unlink()
    with pytest.raises(NotFoundError):
        export_media(act, [approved(act, clock)], objects, "Example", vault, tmp_path, log, clock)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["keys", "vault"]


def test_without_the_library_it_says_so(
    tmp_path: Path,
    vault: Vault,
    objects: list[Stored],
    log: CustodyLog,
    clock: FixedClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    act = asked(objects, clock, ["age1agency"])
    with pytest.raises(MissingExtraError, match="pyrage"):
        export_media(act, [approved(act, clock)], objects, "Example", vault, tmp_path, log, clock)
