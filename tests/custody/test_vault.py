from __future__ import annotations

import errno
import fcntl
import hashlib
import io
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from custody.conftest import digests_of, fixed_entropy
from custody.faults import FailingDisk, PowerCutError
from firstlight.clock import FixedClock
from firstlight.custody import CaseKey, Keyring, Stored, Vault
from firstlight.custody.files import Disk
from firstlight.custody.sealing import CHUNK_SIZE
from firstlight.custody.vault import FORMAT
from firstlight.errors import IntegrityError, NotFoundError, StateError, StorageError

DATA = bytes(range(256)) * 300


@pytest.fixture
def case_key(keyring: Keyring) -> CaseKey:
    return keyring.ensure_case_key("case-1")


@pytest.fixture
def vault(tmp_path: Path, keyring: Keyring) -> Vault:
    return Vault(tmp_path / "vault", keyring)


def files_of(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("size", [0, 1, CHUNK_SIZE, CHUNK_SIZE * 5 + 1, 2_500_000])
def test_round_trip(vault: Vault, case_key: CaseKey, size: int) -> None:
    data = (DATA * (size // len(DATA) + 1))[:size]
    stored = vault.put(io.BytesIO(data), case_key)
    assert stored.digests == digests_of(data)
    with vault.open(stored) as reader:
        assert reader.read() == data
        reader.seek(size // 2)
        assert reader.read(100) == data[size // 2 : size // 2 + 100]
    vault.check(stored)
    vault.check_sealed(stored)
    assert Stored.from_json(stored.to_json()) == stored
    assert list(vault) == [(case_key.key_id, stored.id)]


def test_files_are_private_named_at_random_and_sealed(tmp_path: Path, vault: Vault, case_key: CaseKey) -> None:
    one, two = (vault.put(io.BytesIO(DATA), case_key) for _ in range(2))
    files = files_of(tmp_path / "vault")
    assert len(files) == 2
    assert one.id != two.id
    for path in files:
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.parent.stat().st_mode & 0o777 == 0o700
        data = path.read_bytes()
        assert data.startswith(FORMAT)
        assert DATA[:64] not in data
        assert hashlib.sha256(DATA).hexdigest() not in str(path)


class Trickle(io.RawIOBase):
    """A long stream that never holds much at once."""

    def __init__(self, blocks: int) -> None:
        self.left = blocks

    def read(self, size: int = -1) -> bytes:
        assert 0 < size <= 4 * 1024 * 1024
        self.left -= 1
        return b"x" * 1000 if self.left >= 0 else b""


def test_a_stream_is_read_in_pieces(vault: Vault, case_key: CaseKey) -> None:
    stored = vault.put(Trickle(50), case_key)  # type: ignore[arg-type]
    assert stored.digests.size == 50_000


class Breaking(io.RawIOBase):
    def read(self, size: int = -1) -> bytes:
        raise OSError(errno.EIO, "the stick was pulled out")


def test_a_source_that_breaks_leaves_nothing(tmp_path: Path, vault: Vault, case_key: CaseKey) -> None:
    with pytest.raises(StorageError, match="pulled out"):
        vault.put(Breaking(), case_key)  # type: ignore[arg-type]
    assert files_of(tmp_path / "vault") == []


@settings(max_examples=40)
@given(place=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_no_flipped_bit_goes_unnoticed(tmp_path_factory: pytest.TempPathFactory, place: int, bit: int) -> None:
    base = tmp_path_factory.mktemp("v")
    ring = Keyring.create(base / "keys", "example.org/custody")
    vault = Vault(base / "vault", ring)
    stored = vault.put(io.BytesIO(DATA[:9000]), ring.ensure_case_key("c"))
    (path,) = files_of(base / "vault")
    data = bytearray(path.read_bytes())
    data[place % len(data)] ^= 1 << bit
    path.write_bytes(data)
    for check in (vault.check, vault.check_sealed):
        with pytest.raises(IntegrityError):
            check(stored)


def test_cut_grown_exchanged_and_missing_files_are_named(tmp_path: Path, vault: Vault, case_key: CaseKey) -> None:
    stored, other = vault.put(io.BytesIO(DATA), case_key), vault.put(io.BytesIO(DATA), case_key)
    home = tmp_path / "vault" / "objects" / case_key.key_id
    whole = (home / stored.id).read_bytes()
    for spoiled in (whole[:-1], whole + b"x", b"", whole[:30], (home / other.id).read_bytes()):
        (home / stored.id).write_bytes(spoiled)
        for check in (vault.check, vault.check_sealed):
            with pytest.raises(IntegrityError):
                check(stored)
    (home / stored.id).unlink()
    for act in (vault.check, vault.check_sealed, vault.open):
        with pytest.raises(NotFoundError):
            act(stored)
    vault.check(other)


def test_false_records_are_refused(vault: Vault, case_key: CaseKey, keyring: Keyring) -> None:
    stored = vault.put(io.BytesIO(DATA), case_key)
    with pytest.raises(IntegrityError):
        vault.check(stored.model_copy(update={"digests": digests_of(b"other")}))
    keyring.ensure_case_key("case-2")
    with pytest.raises(IntegrityError, match="another key"):
        vault.open(stored.model_copy(update={"case": "case-2"}))


def test_shred(tmp_path: Path, vault: Vault, case_key: CaseKey, keyring: Keyring, clock: FixedClock) -> None:
    stored = [vault.put(io.BytesIO(DATA), case_key) for _ in range(3)]
    kept = vault.put(io.BytesIO(DATA), keyring.ensure_case_key("case-2"))
    ciphertext = files_of(tmp_path / "vault")[0].read_bytes()
    keyring.destroy_case_key("case-1", clock.now())
    with pytest.raises(StateError):
        vault.open(stored[0])
    assert vault.shred(case_key) == 3
    assert vault.shred(case_key) == 0
    assert ciphertext not in [path.read_bytes() for path in files_of(tmp_path / "vault")]
    vault.check(kept)


def test_every_step_of_a_write_can_fail(tmp_path: Path, keyring: Keyring, case_key: CaseKey) -> None:
    folder = tmp_path / "vault"
    kept = Vault(folder, keyring).put(io.BytesIO(DATA), keyring.ensure_case_key("case-2"))
    count = FailingDisk()
    opening = len(_opened(count, folder, keyring).calls)
    Vault(folder, keyring, disk=count).put(io.BytesIO(DATA), case_key)
    steps = len(count.calls)
    before = files_of(folder)
    assert steps - 2 * opening > 5
    for step in range(opening, steps - opening):
        for error, words in ((errno.ENOSPC, "full"), (errno.EROFS, "read-only"), (errno.EACCES, "permission")):
            vault = Vault(folder, keyring, disk=FailingDisk(step, error))
            with pytest.raises(StorageError, match=words):
                vault.put(io.BytesIO(DATA), case_key)
            assert files_of(folder) == before
    Vault(folder, keyring).check(kept)


def _opened(disk: FailingDisk, folder: Path, keyring: Keyring) -> FailingDisk:
    Vault(folder, keyring, disk=disk)
    return disk


def test_a_power_cut_at_any_step_leaves_a_whole_object_or_none(
    tmp_path: Path, keyring: Keyring, case_key: CaseKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = FailingDisk()
    Vault(tmp_path / "count", keyring, disk=count).put(io.BytesIO(DATA), case_key)
    for step in range(len(count.calls)):
        folder = tmp_path / f"v{step}"
        with monkeypatch.context() as patch:
            patch.setattr(Path, "unlink", _nothing)  # tidying does not run when the power is gone
            with pytest.raises(PowerCutError):
                Vault(folder, keyring, disk=FailingDisk(step, None)).put(io.BytesIO(DATA), case_key)
        vault = Vault(folder, keyring)
        assert list((folder / "incoming").iterdir()) == []
        for key_id, object_id in vault:
            with (folder / "objects" / key_id / object_id).open("rb") as file:
                assert file.read(len(FORMAT)) == FORMAT
        stored = vault.put(io.BytesIO(DATA), case_key)
        vault.check(stored)


def _nothing(*args: Any, **kwargs: Any) -> None:
    return None


class LyingDisk(Disk):
    """Says that it wrote, and wrote something else."""

    def write(self, fd: int, path: Path, data: bytes) -> None:
        super().write(fd, path, data[:-1] + bytes([data[-1] ^ 1]) if len(data) > CHUNK_SIZE else data)


def test_what_was_written_is_read_back(tmp_path: Path, keyring: Keyring, case_key: CaseKey) -> None:
    vault = Vault(tmp_path / "vault", keyring, disk=LyingDisk())
    with pytest.raises(IntegrityError):
        vault.put(io.BytesIO(DATA), case_key)
    assert files_of(tmp_path / "vault") == []


def test_orphans_are_swept_but_not_what_is_being_written(tmp_path: Path, keyring: Keyring) -> None:
    Vault(tmp_path / "vault", keyring)
    incoming = tmp_path / "vault" / "incoming"
    (incoming / "orphan").write_bytes(b"half")
    (incoming / "busy").write_bytes(b"half")
    fd = os.open(incoming / "busy", os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_EX)
    assert Vault(tmp_path / "vault", keyring).swept == 1
    assert [path.name for path in incoming.iterdir()] == ["busy"]
    os.close(fd)
    assert Vault(tmp_path / "vault", keyring).swept == 1


def test_others_may_not_enter(tmp_path: Path, keyring: Keyring) -> None:
    Vault(tmp_path / "vault", keyring)
    for part in ("vault", "vault/objects", "vault/incoming"):
        (tmp_path / part).chmod(0o755)
        with pytest.raises(StorageError, match="entered by others"):
            Vault(tmp_path / "vault", keyring)
        (tmp_path / part).chmod(0o700)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path, keyring: Keyring) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="no folder"):
        Vault(tmp_path / "file" / "vault", keyring)
    with pytest.raises(StorageError, match="not there"):
        Vault(tmp_path / "missing" / "vault", keyring)


def test_same_entropy_same_bytes(tmp_path: Path, keyring: Keyring, case_key: CaseKey) -> None:
    """The format of a vault file is frozen: nothing but keys, ids and salts goes into it."""
    files = []
    for name in ("a", "b"):
        vault = Vault(tmp_path / name, keyring, entropy=fixed_entropy(b"same"))
        vault.put(io.BytesIO(b"original"), case_key)
        files.append(files_of(tmp_path / name)[0].read_bytes())
    assert files[0] == files[1]


def test_an_id_that_is_taken_never_costs_the_object_that_has_it(
    tmp_path: Path, keyring: Keyring, case_key: CaseKey
) -> None:
    first = Vault(tmp_path / "v", keyring, entropy=fixed_entropy(b"same")).put(io.BytesIO(b"first"), case_key)
    vault = Vault(tmp_path / "v", keyring, entropy=fixed_entropy(b"same"))
    with pytest.raises(StorageError, match="there already"):
        vault.put(io.BytesIO(b"second"), case_key)
    with vault.open(first) as reader:
        assert reader.read() == b"first"


def test_an_object_moves_to_another_case(vault: Vault, case_key: CaseKey, keyring: Keyring, clock: FixedClock) -> None:
    stored = vault.put(io.BytesIO(DATA), keyring.ensure_case_key("intake"))
    moved = vault.move(stored, case_key)
    assert moved.digests == stored.digests
    assert moved.case == "case-1"
    vault.check(stored)
    vault.remove(stored)
    vault.remove(stored)
    with pytest.raises(NotFoundError):
        vault.open(stored)
    keyring.destroy_case_key("intake", clock.now())
    vault.check(moved)


def test_a_damaged_object_does_not_move(tmp_path: Path, vault: Vault, case_key: CaseKey, keyring: Keyring) -> None:
    stored = vault.put(io.BytesIO(DATA), keyring.ensure_case_key("intake"))
    with pytest.raises(IntegrityError):
        vault.move(stored.model_copy(update={"digests": digests_of(b"other")}), case_key)
    (path,) = files_of(tmp_path / "vault")
    data = bytearray(path.read_bytes())
    data[40_000] ^= 1
    path.write_bytes(data)
    with pytest.raises(IntegrityError):
        vault.move(stored, case_key)
    assert files_of(tmp_path / "vault") == [path]


class SmallDisk(Disk):
    def free(self, folder: Path) -> int:
        return 1000


def test_the_last_room_on_the_disk_is_kept_for_the_records(tmp_path: Path, keyring: Keyring, case_key: CaseKey) -> None:
    for reserve in (0, 1000):
        Vault(tmp_path / "v", keyring, disk=SmallDisk(), reserve=reserve).put(io.BytesIO(b"x"), case_key)
    with pytest.raises(StorageError, match="Only 1,000 bytes"):
        Vault(tmp_path / "v", keyring, disk=SmallDisk(), reserve=1001).put(io.BytesIO(b"x"), case_key)
    assert Disk().free(tmp_path) > 0


def test_what_cannot_be_read_is_told(tmp_path: Path, vault: Vault, case_key: CaseKey, keyring: Keyring) -> None:
    stored = vault.put(io.BytesIO(DATA), case_key)
    (path,) = files_of(tmp_path / "vault")
    path.unlink()
    path.mkdir()
    for act in (vault.open, vault.check, vault.check_sealed):
        with pytest.raises(StorageError, match="Cannot read"):
            act(stored)
    (tmp_path / "vault" / "incoming" / "nowhere").symlink_to(tmp_path / "missing")
    with pytest.raises(StorageError, match="Cannot open"):
        Vault(tmp_path / "vault", keyring)
