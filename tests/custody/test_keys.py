from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from custody.conftest import fixed_entropy
from custody.faults import FailingDisk, PowerCutError
from firstlight.clock import FixedClock
from firstlight.custody import (
    CustodyLog,
    Event,
    EventType,
    FileKey,
    Keyring,
    MemoryLeafStore,
    PassphraseKey,
    SignedCheckpoint,
)
from firstlight.custody.files import require_private
from firstlight.errors import FirstlightError, InputError, IntegrityError, NotFoundError, StateError, StorageError

NAME = "example.org/custody"


def modes(folder: Path) -> set[int]:
    return {path.stat().st_mode & 0o777 for path in folder.rglob("*") if path.is_file()}


def test_what_is_made_opens_again(tmp_path: Path) -> None:
    ring = Keyring.create(tmp_path / "k", NAME)
    again = Keyring.open(tmp_path / "k")
    assert again.origin == NAME
    assert again.log_signer().verifier == ring.log_signer().verifier
    assert again.sealer("banks").unseal(ring.sealer("banks").seal(b"x", b"c"), b"c") == b"x"
    key = ring.ensure_case_key("case-1")
    assert again.case_key("case-1") == key
    assert again.ensure_case_key("case-1") == key
    assert (tmp_path / "k").stat().st_mode & 0o777 == 0o700
    assert modes(tmp_path / "k") == {0o600}


def test_keys_of_different_things_differ(keyring: Keyring) -> None:
    one, two = keyring.ensure_case_key("case-1"), keyring.ensure_case_key("case-2")
    keys = {one.object_key("a"), one.object_key("b"), two.object_key("a"), two.object_key("b")}
    assert len(keys) == 4
    sealed = keyring.sealer("banks").seal(b"x", b"")
    for other in (keyring.sealer("renditions"), one.sealer("banks")):
        with pytest.raises(IntegrityError):
            other.unseal(sealed, b"")


def test_no_secret_is_shown_by_accident(keyring: Keyring) -> None:
    assert "_secret" not in repr(keyring.ensure_case_key("case-1"))


def test_no_key_lies_open(tmp_path: Path) -> None:
    ring = Keyring.create(tmp_path / "k", NAME, entropy=lambda n: b"\x07" * n)
    ring.ensure_case_key("case-1")
    for path in (tmp_path / "k").rglob("*"):
        if path.is_file() and path.name != "kek.key":
            assert b"07" * 32 not in path.read_bytes()
            assert b"\x07" * 32 not in path.read_bytes()


def test_destroying_a_case_key_is_final(tmp_path: Path, clock: FixedClock) -> None:
    ring = Keyring.create(tmp_path / "k", NAME)
    key = ring.ensure_case_key("case-1")
    other = Keyring.open(tmp_path / "k")
    other.case_key("case-1")
    done = ring.destroy_case_key("case-1", clock.now())
    assert done.key_id == key.key_id
    assert ring.destroy_case_key("case-1", clock.now()) == done == other.destruction("case-1")
    assert not list((tmp_path / "k").rglob("case-1.key"))
    for one in (ring, other, Keyring.open(tmp_path / "k")):
        assert one.event_sealer("case-1") is None
        for act in (one.case_key, one.ensure_case_key):
            with pytest.raises(StateError, match="destroyed"):
                act("case-1")


def test_a_destruction_cut_short_is_finished_at_the_next_start(tmp_path: Path, clock: FixedClock) -> None:
    Keyring.create(tmp_path / "k", NAME).ensure_case_key("case-1")
    count = FailingDisk()
    Keyring.open(tmp_path / "k", disk=count)
    opening = len(count.calls)
    for step in range(opening, opening + 30):
        disk = FailingDisk(step, None)
        ring = Keyring.open(tmp_path / "k", disk=disk)
        try:
            ring.destroy_case_key("case-1", clock.now())
        except PowerCutError:
            again = Keyring.open(tmp_path / "k")
            gone = again.destruction("case-1") is not None
            assert gone != (tmp_path / "k" / "cases" / "case-1.key").exists()
            if gone:
                break
        else:
            pytest.fail("no step was left to fail at")
    else:
        pytest.fail("the certificate was never written")


def test_creating_can_fail_anywhere_and_be_tried_again(tmp_path: Path) -> None:
    count = FailingDisk()
    Keyring.create(tmp_path / "count", NAME, disk=count).ensure_case_key("case-1")
    for step in range(len(count.calls)):
        folder = tmp_path / f"k{step}"
        for error in (errno.ENOSPC, None):
            with pytest.raises((StorageError, PowerCutError)):
                Keyring.create(folder, NAME, disk=FailingDisk(step, error)).ensure_case_key("case-1")
            made = (folder / "keyring.json").exists()
            ring = Keyring.open(folder) if made else Keyring.create(folder, NAME)
            assert ring.ensure_case_key("case-1") == Keyring.open(folder).case_key("case-1")
            for path in sorted(folder.rglob("*"), reverse=True):
                path.rmdir() if path.is_dir() else path.unlink()
            folder.rmdir()


def test_a_keyring_is_made_once(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        Keyring.open(tmp_path / "k")
    Keyring.create(tmp_path / "k", NAME)
    with pytest.raises(StateError):
        Keyring.create(tmp_path / "k", NAME)
    with pytest.raises(InputError):
        Keyring.create(tmp_path / "k2", "a name with spaces")


@pytest.mark.parametrize("name", ["../evil", "", "UPPER", ".hidden", "a/b", "a" * 65])
def test_case_names_cannot_leave_the_folder(keyring: Keyring, name: str) -> None:
    with pytest.raises(InputError):
        keyring.ensure_case_key(name)


def test_others_may_not_enter(tmp_path: Path) -> None:
    folder = tmp_path / "k"
    Keyring.create(folder, NAME)
    folder.chmod(0o750)
    with pytest.raises(StorageError, match="entered by others"):
        Keyring.open(folder)
    folder.chmod(0o700)
    (folder / "kek.key").chmod(0o640)
    with pytest.raises(IntegrityError, match="Others can read"):
        Keyring.open(folder)
    (folder / "kek.key").chmod(0o600)
    tmp_path.chmod(0o777)
    with pytest.raises(StorageError, match="rename"):
        Keyring.open(folder)
    tmp_path.chmod(0o700)


@pytest.mark.parametrize("name", ["keyring.json", "kek.key", "cases/case-1.key"])
def test_damage_is_named(tmp_path: Path, name: str) -> None:
    Keyring.create(tmp_path / "k", NAME).ensure_case_key("case-1")
    path = tmp_path / "k" / name
    for damaged in (b"", b"{}", path.read_bytes()[:-1], b"x" * path.stat().st_size):
        path.write_bytes(damaged)
        with pytest.raises(IntegrityError):
            Keyring.open(tmp_path / "k").case_key("case-1")


def test_a_key_file_of_another_case_does_not_open(tmp_path: Path) -> None:
    ring = Keyring.create(tmp_path / "k", NAME)
    ring.ensure_case_key("case-1")
    cases = tmp_path / "k" / "cases"
    text = (cases / "case-1.key").read_text()
    (cases / "case-2.key").write_text(text)
    (cases / "case-3.key").write_text(text.replace('"case-1"', '"case-3"'))
    for case in ("case-2", "case-3"):
        with pytest.raises(IntegrityError):
            Keyring.open(tmp_path / "k").case_key(case)


def test_passphrase(tmp_path: Path) -> None:
    folder = tmp_path / "k"
    provider = PassphraseKey.create(tmp_path / "salt", "a long passphrase")
    ring = Keyring.create(folder, NAME, provider=provider)
    again = Keyring.open(folder, provider=PassphraseKey.open(tmp_path / "salt", "a long passphrase"))
    assert again.log_signer().verifier == ring.log_signer().verifier
    with pytest.raises(IntegrityError, match="key-encryption key"):
        Keyring.open(folder, provider=PassphraseKey.open(tmp_path / "salt", "another passphrase"))
    with pytest.raises(InputError):
        PassphraseKey.create(tmp_path / "other", "short")
    assert provider.describe() == "passphrase"


def test_destroying_the_key_encryption_key_ends_everything(tmp_path: Path) -> None:
    kek = FileKey.create(tmp_path / "kek", entropy=fixed_entropy())
    Keyring.create(tmp_path / "k", NAME, provider=kek)
    kek.destroy()
    with pytest.raises(NotFoundError):
        FileKey.open(tmp_path / "kek")
    with pytest.raises(FirstlightError):
        kek.wrap(b"x", b"")


def test_a_case_without_a_key_is_told_apart_from_a_shredded_one(
    tmp_path: Path, keyring: Keyring, clock: FixedClock
) -> None:
    for act in (keyring.case_key, lambda case: keyring.destroy_case_key(case, clock.now())):
        with pytest.raises(NotFoundError, match="no key"):
            act("case-9")
    keyring.ensure_case_key("case-1")
    keyring.destroy_case_key("case-1", clock.now())
    (tmp_path / "keys" / "cases" / "case-1.destroyed").write_text("{}")
    with pytest.raises(IntegrityError, match="damaged"):
        keyring.case_key("case-1")


def test_a_folder_of_another_user_or_none_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StorageError, match="not there"):
        require_private(tmp_path / "missing")
    monkeypatch.setattr(os, "geteuid", lambda: tmp_path.stat().st_uid + 1)
    with pytest.raises(StorageError, match="another user"):
        require_private(tmp_path)


def test_the_log_goes_on_under_a_new_key(tmp_path: Path, clock: FixedClock) -> None:
    folder = tmp_path / "k"
    ring = Keyring.create(folder, NAME)
    store = MemoryLeafStore()

    def log(ring: Keyring) -> CustodyLog:
        return CustodyLog(store, ring.log_signer(), clock, sealers=ring.event_sealer, trusted=ring.retired_verifiers())

    log(ring).append(Event(type=EventType.LOGIN, at=clock.now(), actor="u"))
    old = log(ring).checkpoint()
    before = ring.log_signer().verifier
    after = ring.rotate_log_key().verifier
    assert after.name == before.name
    assert after.public_key != before.public_key
    again = Keyring.open(folder)
    assert again.log_signer().verifier == after
    assert again.retired_verifiers() == (before,)
    log(again).append(Event(type=EventType.CONFIG_CHANGE, at=clock.now(), actor="u"))
    assert SignedCheckpoint.open(log(again).checkpoint().note, after).size == 2
    assert log(again).verify([old.note]).ok
    again.rotate_log_key()
    assert Keyring.open(folder).retired_verifiers() == (before, after)


def test_a_key_that_another_process_has_renewed_is_taken_over(tmp_path: Path) -> None:
    folder = tmp_path / "k"
    ring = Keyring.create(folder, NAME)
    first = ring.log_signer().verifier
    second = Keyring.open(folder).rotate_log_key().verifier
    ring.look_again()
    assert ring.log_signer().verifier == second
    third = Keyring.open(folder).rotate_log_key().verifier
    ring.rotate_log_key()
    assert ring.retired_verifiers() == (first, second, third)
    (folder / "keyring.json").write_bytes(b"{}")
    with pytest.raises(IntegrityError):
        ring.look_again()


def test_a_rotation_that_fails_leaves_the_old_key(tmp_path: Path) -> None:
    folder = tmp_path / "k"
    ring = Keyring.create(folder, NAME)
    old = ring.log_signer().verifier
    count = FailingDisk()
    Keyring.open(folder, disk=count)
    opening = len(count.calls)
    for step in range(opening, opening + 4):  # clear the way, create, write, sync; the rename is the change itself
        for error in (errno.ENOSPC, None):
            disk = FailingDisk(step, error)
            with pytest.raises((StorageError, PowerCutError)):
                Keyring.open(folder, disk=disk).rotate_log_key()
            assert Keyring.open(folder).log_signer().verifier == old
            assert Keyring.open(folder).retired_verifiers() == ()
