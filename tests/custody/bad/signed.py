"""Cheats on the checkpoint and its key."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable

from custody.bad.cheat import RECORD, Cheats
from custody.forger import CUSTODY, Forger
from firstlight.custody.note import Checkpoint, Ed25519Signer

STRANGER = Ed25519Signer("example.org/custody", bytes(range(32)))
GROUP_ORDER = 2**252 + 27742317777372353535851937790883648493

cheat = Cheats()

# ---- the checkpoint and its key -------------------------------------------------------------------------------------

UNSIGNED = "the log's key did not sign this checkpoint"
FALSE = "the signature on the log's checkpoint is false"
AT_CHECKPOINT = CUSTODY + "checkpoint"


@cheat(AT_CHECKPOINT, FALSE)
def checkpoint_root_changed(f: Forger) -> None:
    lines = f.read(AT_CHECKPOINT).decode().split("\n")
    lines[2] = base64.b64encode(bytes(32)).decode()
    f.write(AT_CHECKPOINT, "\n".join(lines).encode())
    f.cover_up()


@cheat(AT_CHECKPOINT, FALSE)
def checkpoint_size_changed(f: Forger) -> None:
    f.replace(AT_CHECKPOINT, b"\n7\n", b"\n8\n")
    f.cover_up()


def _change_signature(f: Forger, change: Callable[[bytes], bytes]) -> None:
    lines = f.read(AT_CHECKPOINT).decode().split("\n")
    dash, name, encoded = lines[-2].split(" ")
    lines[-2] = " ".join([dash, name, base64.b64encode(change(base64.b64decode(encoded))).decode()])
    f.write(AT_CHECKPOINT, "\n".join(lines).encode())
    f.cover_up()


@cheat(AT_CHECKPOINT, FALSE)
def signature_with_another_number_for_the_same_point(f: Forger) -> None:
    def add_order(raw: bytes) -> bytes:
        s = int.from_bytes(raw[36:], "little") + GROUP_ORDER
        return raw[:36] + s.to_bytes(32, "little")

    _change_signature(f, add_order)


@cheat(AT_CHECKPOINT, FALSE)
def signature_cut(f: Forger) -> None:
    _change_signature(f, lambda raw: raw[:-1])


@cheat(AT_CHECKPOINT, FALSE)
def signature_of_zeros(f: Forger) -> None:
    _change_signature(f, lambda raw: raw[:4] + bytes(64))


@cheat(AT_CHECKPOINT, FALSE)
def signature_point_off_the_curve(f: Forger) -> None:
    _change_signature(f, lambda raw: raw[:4] + b"\x02" + bytes(31) + raw[36:])


@cheat(AT_CHECKPOINT, UNSIGNED)
def signature_under_another_id(f: Forger) -> None:
    _change_signature(f, lambda raw: b"\0\0\0\0" + raw[4:])


def _change_signature_line(f: Forger, old: str, new: str) -> None:
    body, _, line = f.read(AT_CHECKPOINT).decode().partition("\n\n")
    f.write(AT_CHECKPOINT, f"{body}\n\n{line.replace(old, new, 1)}".encode())
    f.cover_up()


@cheat(AT_CHECKPOINT, UNSIGNED)
def signature_behind_a_hyphen(f: Forger) -> None:
    _change_signature_line(f, "\u2014 ", "- ")


@cheat(AT_CHECKPOINT, UNSIGNED)
def signature_under_another_name(f: Forger) -> None:
    _change_signature_line(f, "example.org", "example.net")


@cheat(AT_CHECKPOINT, UNSIGNED)
def signature_with_a_word_behind(f: Forger) -> None:
    _change_signature_line(f, "\n", " word\n")


@cheat(AT_CHECKPOINT, UNSIGNED)
def no_signature(f: Forger) -> None:
    f.write(AT_CHECKPOINT, f.read(AT_CHECKPOINT).split(b"\n\n")[0] + b"\n\n")
    f.cover_up()


@cheat(AT_CHECKPOINT, "this checkpoint has no signatures")
def no_gap_before_the_signature(f: Forger) -> None:
    f.replace(AT_CHECKPOINT, b"\n\n", b"\n")
    f.cover_up()


@cheat(AT_CHECKPOINT, "the base64 in this file is not in its proper form")
def signature_with_spare_bits(f: Forger) -> None:
    data = f.read(AT_CHECKPOINT).decode()
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    at = data.rindex("=") - 1
    while data[at] == "=":
        at -= 1
    f.write(AT_CHECKPOINT, (data[:at] + letters[letters.index(data[at]) + 1] + data[at + 1 :]).encode())
    f.cover_up()


@cheat(AT_CHECKPOINT, UNSIGNED)
def log_rebuilt_under_a_strangers_key(f: Forger) -> None:
    f.relog(STRANGER)
    f.cover_up()


@cheat(CUSTODY + "log.vkey", "this is not the key that you gave", key_given=True)
def log_and_key_replaced(f: Forger) -> None:
    f.replace(RECORD, b"2", b"4")
    digest = f.relist()
    f.recommit(-1, lambda event: event["payload"].update(contents_sha256=digest))
    f.relog(STRANGER, vkey=True)
    f.cover_up()


@cheat(CUSTODY + "log.vkey", "the id of this key does not belong to it")
def key_exchanged_behind_its_id(f: Forger) -> None:
    name, ident, _ = f.read(CUSTODY + "log.vkey").decode().split("+", 2)
    stranger = STRANGER.verifier.vkey.split("+", 2)[2]
    f.write(CUSTODY + "log.vkey", f"{name}+{ident}+{stranger}\n".encode())
    f.cover_up()


def _write_key(f: Forger, name: str, raw: bytes) -> None:
    ident = hashlib.sha256(name.encode() + b"\n" + raw).hexdigest()[:8]
    f.write(CUSTODY + "log.vkey", f"{name}+{ident}+{base64.b64encode(raw).decode()}\n".encode())
    f.cover_up()


@cheat(CUSTODY + "log.vkey", "this is no Ed25519 log key")
def key_too_long(f: Forger) -> None:
    _write_key(f, "example.org/custody", b"\x01" + bytes(33))


@cheat(CUSTODY + "log.vkey", "this is no Ed25519 log key")
def key_of_another_kind_with_its_own_id(f: Forger) -> None:
    _write_key(f, "example.org/custody", b"\x04" + bytes(32))


@cheat(CUSTODY + "log.vkey", "this is no Ed25519 log key")
def key_without_a_name(f: Forger) -> None:
    _write_key(f, "", b"\x01" + bytes(32))


@cheat(CUSTODY + "log.vkey", "this is no Ed25519 log key")
def key_of_another_kind(f: Forger) -> None:
    name, ident, encoded = f.read(CUSTODY + "log.vkey").decode().strip().split("+", 2)
    raw = b"\x04" + base64.b64decode(encoded)[1:]
    f.write(CUSTODY + "log.vkey", f"{name}+{ident}+{base64.b64encode(raw).decode()}\n".encode())
    f.cover_up()


@cheat(CUSTODY + "log.vkey", "the base64 in this file is damaged")
def key_damaged(f: Forger) -> None:
    f.write(CUSTODY + "log.vkey", b"example.org/custody+00000000+!!!\n")
    f.cover_up()


@cheat(AT_CHECKPOINT, "this is no checkpoint of the log example.org/custody")
def insider_signs_for_another_log(f: Forger) -> None:
    f.relog(f.log_signer, text=lambda c: Checkpoint("example.org/elsewhere", c.size, c.root).text())
    f.cover_up()


@cheat(AT_CHECKPOINT, "this is no checkpoint of the log example.org/custody")
def insider_adds_a_line_to_the_checkpoint(f: Forger) -> None:
    f.relog(f.log_signer, text=lambda c: c.text() + "and a line\n")
    f.cover_up()


@cheat(AT_CHECKPOINT, "this is no checkpoint of the log example.org/custody")
def insider_writes_the_size_in_another_way(f: Forger) -> None:
    f.relog(f.log_signer, text=lambda c: c.text().replace(f"\n{c.size}\n", f"\n0{c.size}\n"))
    f.cover_up()


@cheat(AT_CHECKPOINT, "the root in this checkpoint is malformed")
def insider_signs_a_short_root(f: Forger) -> None:
    f.relog(f.log_signer, text=lambda c: f"{c.origin}\n{c.size}\n{base64.b64encode(c.root[:-1]).decode()}\n")
    f.cover_up()
