"""Someone who changes a package and covers it up as far as they can."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from firstlight.custody import merkle
from firstlight.custody.note import Checkpoint, NoteSigner, TlogProof, sign_note
from firstlight.values import canonical_json

CUSTODY = "data/custody/"
ENTRIES = CUSTODY + "entries.jsonl"


class Forger:
    """A copy of a package to spoil. `log_signer` is the organisation's own key, which only an insider has."""

    def __init__(self, package: Path, into: Path, log_signer: NoteSigner) -> None:
        self.folder = into
        self.log_signer = log_signer
        shutil.copytree(package, into)

    def path(self, name: str) -> Path:
        return self.folder / name

    def read(self, name: str) -> bytes:
        return self.path(name).read_bytes()

    def write(self, name: str, data: bytes) -> None:
        self.path(name).parent.mkdir(parents=True, exist_ok=True)
        self.path(name).write_bytes(data)

    def replace(self, name: str, old: bytes, new: bytes) -> None:
        data = self.read(name)
        assert old in data, f"{old!r} is not in {name}"
        self.write(name, data.replace(old, new, 1))

    def files(self) -> list[str]:
        return sorted(p.relative_to(self.folder).as_posix() for p in self.folder.rglob("*") if p.is_file())

    def cover_up(self, *, info: bool = True) -> None:
        """Make the bag's own lists right again: what anyone with sha256sum can do."""
        payload = [name for name in self.files() if name.startswith("data/")]
        for algorithm in ("sha256", "sha512"):
            self.write(f"manifest-{algorithm}.txt", self._list(payload, algorithm))
        if info:
            size = sum(len(self.read(name)) for name in payload)
            lines = self.read("bag-info.txt").decode().splitlines()
            lines[-1] = f"Payload-Oxum: {size}.{len(payload)}"
            self.write("bag-info.txt", ("\n".join(lines) + "\n").encode())
        self.cover_tags()

    def cover_tags(self) -> None:
        tags = [f for f in self.files() if not f.startswith("data/") and f != "tagmanifest-sha256.txt"]
        self.write("tagmanifest-sha256.txt", self._list(tags, "sha256"))

    def _list(self, names: Sequence[str], algorithm: str) -> bytes:
        lines = (f"{hashlib.new(algorithm, self.read(name)).hexdigest()}  {name}\n" for name in names)
        return "".join(lines).encode()

    def entries(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.read(ENTRIES).splitlines()]

    def write_entries(self, entries: Sequence[dict[str, Any]]) -> None:
        self.write(ENTRIES, b"".join(canonical_json(one) + b"\n" for one in entries))

    def change_entry(self, at: int, **changes: Any) -> None:
        entries = self.entries()
        entries[at] = {key: value for key, value in {**entries[at], **changes}.items() if value is not ...}
        self.write_entries(entries)

    def relist(self) -> str:
        """Write the list of contents anew; answers its SHA-256."""
        lists = {"bagit.txt", "bag-info.txt", "manifest-sha256.txt", "manifest-sha512.txt", "tagmanifest-sha256.txt"}
        covered = [name for name in self.files() if name not in lists and not name.startswith(CUSTODY)]
        data = self._list(covered, "sha256")
        self.write(CUSTODY + "contents-sha256.txt", data)
        return hashlib.sha256(data).hexdigest()

    def recommit(
        self, at: int, change: Callable[[dict[str, Any]], None], *, leaf: dict[str, Any] | None = None
    ) -> None:
        """Change an event and make its leaf commit to the changed one."""
        entries = self.entries()
        event, stood = json.loads(entries[at]["event"]), json.loads(entries[at]["leaf"])
        change(event)
        text = canonical_json(event)
        salt = bytes.fromhex(entries[at]["salt"])
        stood |= {"commitment": hmac.digest(salt, text, hashlib.sha256).hex(), **(leaf or {})}
        entries[at] |= {"event": text.decode(), "leaf": canonical_json(stood).decode()}
        self.write_entries(entries)

    def relist_entries(self) -> None:
        """Make the export's own event name the entries that are shown now, as an insider can."""
        entries = self.entries()
        lines = "".join(
            f"{json.loads(e['leaf'])['seq']} {'open' if e.get('event') else 'closed'}\n" for e in entries[:-1]
        )
        digest = hashlib.sha256(lines.encode()).hexdigest()

        def change(event: dict[str, Any]) -> None:
            if isinstance(event["payload"], dict):
                event["payload"]["entries_sha256"] = digest

        self.recommit(-1, change)

    def relog(
        self,
        signer: NoteSigner,
        *,
        leaves: Sequence[str] | None = None,
        text: Callable[[Checkpoint], str] = Checkpoint.text,
        vkey: bool = False,
    ) -> None:
        """Put the entries shown into a new log of their own, renumbered, and sign it."""
        entries = self.entries()
        for number, one in enumerate(entries):
            one["leaf"] = canonical_json({**json.loads(one["leaf"]), "seq": number}).decode()
        self.write_entries(entries)
        self.relist_entries()
        entries = self.entries()
        if leaves is not None:
            for one, leaf in zip(entries, leaves, strict=True):
                one["leaf"] = leaf
        stored = merkle.grow(0, [merkle.leaf_hash(one["leaf"].encode()) for one in entries], lambda _: [])

        def read(places: Sequence[int]) -> list[bytes]:
            return [stored[place] for place in places]

        size = len(entries)
        note = sign_note(text(Checkpoint(signer.verifier.name, size, merkle.root(size, read))), signer)
        for number, one in enumerate(entries):
            one["proof"] = [base64.b64encode(h).decode() for h in merkle.inclusion_proof(number, size, read)]
        self.write_entries(entries)
        self.write(CUSTODY + "checkpoint", note)
        proof = TlogProof(size - 1, tuple(merkle.inclusion_proof(size - 1, size, read)), note)
        self.write(CUSTODY + "export.tlog-proof", proof.to_bytes())
        if vkey:
            self.write(CUSTODY + "log.vkey", signer.verifier.vkey.encode() + b"\n")
