"""Ways to cheat with a package, one function each, and the refusal that each of them must get.

What a cheat is called is its function's name; its docstring says who could do it. `where` and `what` are the exact
words of the verifier.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from custody.forger import CUSTODY, ENTRIES, Forger
from firstlight.custody.note import Checkpoint, Ed25519Signer

RECORD = "data/records/uploads.json"
STRANGER = Ed25519Signer("example.org/custody", bytes(range(32)))
OTHER_LOG = Ed25519Signer("example.net/custody", bytes(range(32)))
GROUP_ORDER = 2**252 + 27742317777372353535851937790883648493


@dataclass(frozen=True)
class Cheat:
    name: str
    act: Callable[[Forger], None]
    where: str
    what: str
    key_given: bool = False


CHEATS: list[Cheat] = []


def cheat(where: str, what: str, *, key_given: bool = False) -> Callable[[Callable[[Forger], None]], None]:
    def keep(act: Callable[[Forger], None]) -> None:
        CHEATS.append(Cheat(act.__name__, act, where, what, key_given))

    return keep


# ---- without touching the lists -------------------------------------------------------------------------------------

NOT_RECORDED = "this file is not the one that the log recorded when the package was made"
NEW = "this file was not in the package when the log recorded it"
CHANGED = "this file was changed: its SHA256 is not the one in manifest-sha256.txt"
CHANGED_TAG = "this file was changed: its SHA256 is not the one in tagmanifest-sha256.txt"


@cheat(RECORD, CHANGED)
def record_changed(f: Forger) -> None:
    f.replace(RECORD, b"2", b"4")


@cheat(RECORD, "this file is listed in manifest-sha256.txt but is not in the package")
def record_deleted(f: Forger) -> None:
    f.path(RECORD).unlink()


@cheat("data/records/more.json", "this file is not listed in manifest-sha256.txt")
def record_added(f: Forger) -> None:
    f.write("data/records/more.json", b"{}")


@cheat(RECORD, CHANGED)
def record_emptied(f: Forger) -> None:
    f.write(RECORD, b"")


@cheat("data/report/cybertip.xml", CHANGED)
def report_line_ends_changed(f: Forger) -> None:
    f.replace("data/report/cybertip.xml", b"\r\n", b"\n")


@cheat("START-HERE.txt", CHANGED_TAG)
def first_page_changed(f: Forger) -> None:
    f.replace("START-HERE.txt", b"Nobody", b"Somebody")


@cheat("verify/verify.py", CHANGED_TAG)
def verifier_changed(f: Forger) -> None:
    f.replace("verify/verify.py", b"return 1", b"return 0")


@cheat("notes.txt", "this file is not listed in tagmanifest-sha256.txt")
def file_added_beside(f: Forger) -> None:
    f.write("notes.txt", b"by the way")


@cheat("bagit.txt", "this is no BagIt 1.0 package")
def another_bagit_version(f: Forger) -> None:
    f.replace("bagit.txt", b"1.0", b"0.97")


@cheat("bagit.txt", "this file is missing")
def bagit_missing(f: Forger) -> None:
    f.path("bagit.txt").unlink()


@cheat("tagmanifest-sha256.txt", "this file is missing")
def tag_list_missing(f: Forger) -> None:
    f.path("tagmanifest-sha256.txt").unlink()


@cheat("tagmanifest-sha256.txt", "this file is too large to be what it should be")
def tag_list_blown_up(f: Forger) -> None:
    with f.path("tagmanifest-sha256.txt").open("r+b") as file:
        file.truncate(256 * 1024 * 1024 + 1)  # a hole: it takes no room on the disk


@cheat("a.txt", "this file is not listed in tagmanifest-sha256.txt")
def several_files_added(f: Forger) -> None:
    """The first in the order of names is named, whatever the order on the disk."""
    for name in ("z.txt", "m/n.txt", "a.txt", "b.txt"):
        f.write(name, b"")


@cheat("data/certificate/draft-902.txt", CHANGED)
def every_payload_file_changed(f: Forger) -> None:
    _change_all(f)


def _change_all(f: Forger) -> None:
    for name in reversed(f.files()):
        if name.startswith("data/") and not name.startswith("data/custody/"):
            f.write(name, b"changed")


@cheat("data/certificate/draft-902.txt", CHANGED)
def every_payload_file_changed_and_a_list_turned_round(f: Forger) -> None:
    _change_all(f)
    _edit_list(f, lambda text: "".join(line + "\n" for line in reversed(text.splitlines())))


@cheat("data/records/a.json", NEW)
def several_files_added_and_lists_adjusted(f: Forger) -> None:
    for name in ("z", "m", "a", "b"):
        f.write(f"data/records/{name}.json", b"")
    f.cover_up()


@cheat("manifest-sha512.txt", "this file is listed in tagmanifest-sha256.txt but is not in the package")
def sha512_list_missing(f: Forger) -> None:
    f.path("manifest-sha512.txt").unlink()


@cheat("manifest-sha512.txt", "this file is missing")
def sha512_list_missing_and_unlisted(f: Forger) -> None:
    f.path("manifest-sha512.txt").unlink()
    f.cover_tags()


# ---- names and links ------------------------------------------------------------------------------------------------


@cheat(RECORD, "this is a link; a package holds only files and folders")
def record_is_a_link(f: Forger) -> None:
    f.path(RECORD).rename(f.folder.parent / (f.folder.name + ".elsewhere"))
    f.path(RECORD).symlink_to(f.folder.parent / (f.folder.name + ".elsewhere"))


@cheat("data/records/folder", "this is a link; a package holds only files and folders")
def folder_is_a_link(f: Forger) -> None:
    f.path("data/records/folder").symlink_to(f.folder.parent, target_is_directory=True)


@cheat("data/records/pipe", "this is no ordinary file")
def a_pipe(f: Forger) -> None:
    os.mkfifo(f.path("data/records/pipe"))


@cheat("'data/records/up\\nloads.json'", "this name is not one that a package may hold")
def name_with_a_newline(f: Forger) -> None:
    f.write("data/records/up\nloads.json", b"{}")


@cheat("'data/records/.hidden'", "this name is not one that a package may hold")
def hidden_name(f: Forger) -> None:
    f.write("data/records/.hidden", b"{}")


@cheat("'data/records/\\u202egpj.exe'", "this name is not one that a package may hold")
def name_that_reads_backwards(f: Forger) -> None:
    f.write("data/records/\u202egpj.exe", b"{}")


@cheat("data/records/uploads.json", "this name differs from data/records/Uploads.json only in upper case")
def names_that_collide(f: Forger) -> None:
    f.write("data/records/Uploads.json", b"{}")


# ---- the lists themselves -------------------------------------------------------------------------------------------


def _edit_list(f: Forger, change: Callable[[str], str]) -> None:
    f.write("manifest-sha256.txt", change(f.read("manifest-sha256.txt").decode()).encode())
    f.cover_tags()


@cheat("manifest-sha256.txt", "line 1 of this list is malformed")
def one_space_instead_of_two(f: Forger) -> None:
    _edit_list(f, lambda text: text.replace("  ", " ", 1))


@cheat("manifest-sha256.txt", "line 1 of this list is malformed")
def digest_in_upper_case(f: Forger) -> None:
    _edit_list(f, lambda text: text[:64].upper() + text[64:])


@cheat("manifest-sha256.txt", "line 1 of this list is malformed")
def empty_line_in_a_list(f: Forger) -> None:
    _edit_list(f, lambda text: "\n" + text)


@cheat("manifest-sha256.txt", "line 1 of this list is malformed")
def list_climbs_out(f: Forger) -> None:
    _edit_list(f, lambda text: "0" * 64 + "  data/../../secret\n" + text)


@cheat("manifest-sha256.txt", "line 1 of this list is malformed")
def list_names_an_absolute_path(f: Forger) -> None:
    _edit_list(f, lambda text: "0" * 64 + "  /etc/passwd\n" + text)


@cheat("manifest-sha256.txt", "data/certificate/draft-902.txt is listed twice")
def file_listed_twice(f: Forger) -> None:
    _edit_list(f, lambda text: text + text.split("\n")[0] + "\n")


@cheat("manifest-sha256.txt", "the last line of this list is cut off")
def list_cut_off(f: Forger) -> None:
    _edit_list(f, lambda text: text[:-1])


@cheat("manifest-sha256.txt", "this file is not UTF-8 text")
def list_not_text(f: Forger) -> None:
    f.write("manifest-sha256.txt", f.read("manifest-sha256.txt") + b"\xff\n")
    f.cover_tags()


@cheat("manifest-sha256.txt", "this file is listed in manifest-sha256.txt but is not in the package")
def list_names_what_is_not_payload(f: Forger) -> None:
    _edit_list(f, lambda text: text + "0" * 64 + "  manifest-sha256.txt\n")


@cheat(RECORD, "this file was changed: its SHA512 is not the one in manifest-sha512.txt")
def only_one_list_adjusted(f: Forger) -> None:
    old = f.read("manifest-sha512.txt")
    f.replace(RECORD, b"2", b"4")
    f.cover_up()
    f.write("manifest-sha512.txt", old)
    f.cover_tags()


# ---- covered up: all lists of the bag are right again ---------------------------------------------------------------


@cheat(RECORD, NOT_RECORDED)
def record_changed_and_lists_adjusted(f: Forger) -> None:
    f.replace(RECORD, b"2", b"4")
    f.cover_up()


@cheat("START-HERE.html", NOT_RECORDED)
def first_page_changed_and_lists_adjusted(f: Forger) -> None:
    f.replace("START-HERE.html", b"Nobody", b"Somebody")
    f.cover_up()


@cheat("verify/verify.py", NOT_RECORDED)
def verifier_changed_and_lists_adjusted(f: Forger) -> None:
    f.replace("verify/verify.py", b"return 1", b"return 0")
    f.cover_up()


@cheat(RECORD, "this file was in the package when the log recorded it and is missing now")
def record_dropped_and_lists_adjusted(f: Forger) -> None:
    f.path(RECORD).unlink()
    f.cover_up()


@cheat("data/media/picture.jpg", NEW)
def media_smuggled_in(f: Forger) -> None:
    f.write("data/media/picture.jpg", b"anything")
    f.cover_up()


@cheat("data/custody/note.txt", NEW)
def file_hidden_among_the_proofs(f: Forger) -> None:
    f.write("data/custody/note.txt", b"anything")
    f.cover_up()


@cheat(RECORD, "this file was in the package when the log recorded it and is missing now")
def record_moved_to_the_statements(f: Forger) -> None:
    f.path(RECORD).rename(f.path("data/report/uploads.json"))
    f.cover_up()


@cheat(CUSTODY + "contents-sha256.txt", "this list is not the one that the log recorded when the package was made")
def list_of_contents_rewritten(f: Forger) -> None:
    f.replace(RECORD, b"2", b"4")
    f.relist()
    f.cover_up()


@cheat("bag-info.txt", "it does not say what the log recorded, or states wrong numbers")
def organisation_renamed(f: Forger) -> None:
    f.replace("bag-info.txt", b"Example Ltd", b"Another Ltd")
    f.cover_tags()


@cheat("bag-info.txt", "it does not say what the log recorded, or states wrong numbers")
def package_back_dated(f: Forger) -> None:
    f.replace("bag-info.txt", b"2026-03-01", b"2025-03-01")
    f.cover_tags()


@cheat("bag-info.txt", "it does not say what the log recorded, or states wrong numbers")
def package_renamed(f: Forger) -> None:
    f.replace("bag-info.txt", b"example-case-1", b"example-case-7")
    f.cover_tags()


@cheat("bag-info.txt", "it does not say what the log recorded, or states wrong numbers")
def numbers_wrong(f: Forger) -> None:
    f.replace("bag-info.txt", b"Oxum: ", b"Oxum: 1")
    f.cover_tags()


@cheat("bag-info.txt", "it does not say what the log recorded, or states wrong numbers")
def line_added_to_the_label(f: Forger) -> None:
    f.write("bag-info.txt", f.read("bag-info.txt") + b"Contact-Name: somebody\n")
    f.cover_tags()


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


# ---- the entries ----------------------------------------------------------------------------------------------------

MADE_UP = "entry {} is not in the log that was signed: it was changed or made up"
OTHER_EVENT = "the event shown for entry {} is not the one that was logged"


@cheat(ENTRIES, OTHER_EVENT.format(3))
def viewing_made_longer(f: Forger) -> None:
    entries = f.entries()
    f.change_entry(2, event=entries[2]["event"].replace('"seconds":4', '"seconds":40'))
    f.cover_up()


@cheat(ENTRIES, OTHER_EVENT.format(0))
def event_exchanged_with_another(f: Forger) -> None:
    entries = f.entries()
    f.change_entry(0, event=entries[1]["event"], salt=entries[1]["salt"])
    f.cover_up()


@cheat(ENTRIES, OTHER_EVENT.format(0))
def salt_changed(f: Forger) -> None:
    f.change_entry(0, salt="00" * 32)
    f.cover_up()


@cheat(ENTRIES, OTHER_EVENT.format(0))
def salt_with_zeros_behind(f: Forger) -> None:
    """HMAC pads a short key with zeros, so a longer salt gives the same commitment."""
    f.change_entry(0, salt=f.entries()[0]["salt"] + "00")
    f.cover_up()


@cheat(ENTRIES, "the salt of entry 0 is malformed")
def salt_not_hex(f: Forger) -> None:
    f.change_entry(0, salt="zz" * 32)
    f.cover_up()


@cheat(ENTRIES, "the field salt is missing or no text")
def salt_taken_away(f: Forger) -> None:
    f.change_entry(0, salt=...)
    f.cover_up()


@cheat(ENTRIES, MADE_UP.format(0))
def leaf_changed(f: Forger) -> None:
    f.change_entry(0, leaf=f.entries()[0]["leaf"].replace('"ingest"', '"reveal"'))
    f.cover_up()


@cheat(ENTRIES, MADE_UP.format(3))
def event_and_its_commitment_changed(f: Forger) -> None:
    f.recommit(2, lambda event: event["payload"].update(seconds=40))
    f.cover_up()


@cheat(ENTRIES, MADE_UP.format(1))
def entry_claims_another_place(f: Forger) -> None:
    f.change_entry(0, leaf=f.entries()[0]["leaf"].replace('"seq":0', '"seq":1'))
    f.cover_up()


@cheat(ENTRIES, "entry 99 is not in a log of 7 entries")
def entry_beyond_the_log(f: Forger) -> None:
    f.change_entry(0, leaf=f.entries()[0]["leaf"].replace('"seq":0', '"seq":99'))
    f.cover_up()


@cheat(ENTRIES, "entry 7 is not in a log of 7 entries")
def entry_just_beyond_the_log(f: Forger) -> None:
    f.change_entry(0, leaf=f.entries()[0]["leaf"].replace('"seq":0', '"seq":7'))
    f.cover_up()


@cheat(ENTRIES, "an entry has no number or no proof")
def entry_number_is_text(f: Forger) -> None:
    f.change_entry(0, leaf=f.entries()[0]["leaf"].replace('"seq":0', '"seq":"0"'))
    f.cover_up()


@cheat(ENTRIES, "entry -1 stands behind entry -1")
def entry_before_the_log(f: Forger) -> None:
    f.change_entry(0, leaf=f.entries()[0]["leaf"].replace('"seq":0', '"seq":-1'))
    f.cover_up()


@cheat(ENTRIES, "an entry has no number or no proof")
def entry_number_is_true(f: Forger) -> None:
    f.change_entry(0, leaf=f.entries()[0]["leaf"].replace('"seq":0', '"seq":false'))
    f.cover_up()


@cheat(ENTRIES, "an entry has no number or no proof")
def proof_taken_away(f: Forger) -> None:
    f.change_entry(0, proof=...)
    f.cover_up()


@cheat(ENTRIES, "the inclusion proof of entry 0 is too short")
def proof_cut(f: Forger) -> None:
    f.change_entry(0, proof=f.entries()[0]["proof"][:-1])
    f.cover_up()


@cheat(ENTRIES, "the inclusion proof of entry 0 is too long")
def proof_grown(f: Forger) -> None:
    f.change_entry(0, proof=f.entries()[0]["proof"] * 2)
    f.cover_up()


@cheat(ENTRIES, MADE_UP.format(0))
def proof_reordered(f: Forger) -> None:
    f.change_entry(0, proof=f.entries()[0]["proof"][::-1])
    f.cover_up()


@cheat(ENTRIES, "the base64 in this file is damaged")
def proof_not_base64(f: Forger) -> None:
    f.change_entry(0, proof=["!"] * 3)
    f.cover_up()


@cheat(ENTRIES, "entry 0 stands behind entry 2")
def entries_reordered(f: Forger) -> None:
    entries = f.entries()
    f.write_entries([entries[1], entries[0], *entries[2:]])
    f.cover_up()


@cheat(ENTRIES, "entry 0 stands behind entry 0")
def entry_shown_twice(f: Forger) -> None:
    entries = f.entries()
    f.write_entries([entries[0], *entries])
    f.cover_up()


@cheat(ENTRIES, "the last entry shown is not the log's record of this export")
def export_entry_dropped(f: Forger) -> None:
    f.write_entries(f.entries()[:-1])
    f.cover_up()


@cheat(ENTRIES, "the last entry shown is not the log's record of this export")
def export_entry_closed(f: Forger) -> None:
    f.change_entry(-1, event=..., salt=...)
    f.cover_up()


@cheat(ENTRIES, "the last line is cut off")
def entries_cut_off(f: Forger) -> None:
    f.write(ENTRIES, f.read(ENTRIES)[:-1])
    f.cover_up()


@cheat(ENTRIES, "the JSON in this file is malformed")
def entry_is_no_json(f: Forger) -> None:
    f.write(ENTRIES, b"{\n" + f.read(ENTRIES))
    f.cover_up()


@cheat(ENTRIES, "the JSON in this file is malformed")
def entry_nested_without_end(f: Forger) -> None:
    f.write(ENTRIES, b"[" * 200_000 + b"\n" + f.read(ENTRIES))
    f.cover_up()


@cheat(ENTRIES, "the JSON in this file is no object")
def entry_is_a_list(f: Forger) -> None:
    f.write(ENTRIES, b"[]\n" + f.read(ENTRIES))
    f.cover_up()


@cheat(ENTRIES, "the field leaf is missing or no text")
def entry_without_leaf(f: Forger) -> None:
    f.write(ENTRIES, b"{}\n" + f.read(ENTRIES))
    f.cover_up()


@cheat(ENTRIES, "a name stands twice in one JSON object")
def entry_with_two_events(f: Forger) -> None:
    f.replace(ENTRIES, b'"event":', b'"event":"{}","event":')
    f.cover_up()


@cheat(ENTRIES, "entry 2 and its event differ in type or time")
def insider_logs_a_leaf_of_another_type(f: Forger) -> None:
    f.recommit(2, lambda event: None, leaf={"type": "login"})
    f.relog(f.log_signer)
    f.cover_up()


@cheat(ENTRIES, "entry 2 and its event differ in type or time")
def insider_logs_a_leaf_of_another_time(f: Forger) -> None:
    f.recommit(2, lambda event: event.update(at="2025-03-01T12:00:00.000000Z"))
    f.relog(f.log_signer)
    f.cover_up()


@cheat(ENTRIES, "the JSON in this file is malformed")
def insider_logs_a_leaf_that_is_no_json(f: Forger) -> None:
    leaves = [json.dumps({"seq": i}) for i in range(len(f.entries()))]
    f.relog(f.log_signer, leaves=["no json", *leaves[1:]])
    f.cover_up()


# ---- the proof of the export ----------------------------------------------------------------------------------------

AT_PROOF = CUSTODY + "export.tlog-proof"


@cheat(AT_PROOF, "this proof is not that of the export, entry 6")
def proof_file_of_another_entry(f: Forger) -> None:
    f.replace(AT_PROOF, b"index 6", b"index 5")
    f.cover_up()


@cheat(AT_PROOF, "this proof is not that of the export, entry 6")
def proof_file_cut(f: Forger) -> None:
    f.write(AT_PROOF, f.read(AT_PROOF)[:-1])
    f.cover_up()


@cheat(AT_PROOF, "this file is missing")
def proof_file_missing(f: Forger) -> None:
    f.path(AT_PROOF).unlink()
    f.cover_up()


@cheat(CUSTODY + "contents-sha256.txt", "this file is missing")
def list_of_contents_missing(f: Forger) -> None:
    f.path(CUSTODY + "contents-sha256.txt").unlink()
    f.cover_up()


@cheat(CUSTODY + "contents-sha256.txt", "this list is not the one that the log recorded when the package was made")
def insider_exports_another_list(f: Forger) -> None:
    f.recommit(-1, lambda event: event["payload"].update(contents_sha256="00" * 32))
    f.relog(f.log_signer)
    f.cover_up()


@cheat(ENTRIES, "the last entry shown is not the log's record of this export")
def insider_exports_nothing(f: Forger) -> None:
    def change(event: dict[str, Any]) -> None:
        event["payload"] = "nothing"

    f.recommit(-1, change)
    f.relog(f.log_signer)
    f.cover_up()


@cheat(ENTRIES, "the last entry shown is not the log's record of this export")
def insider_ends_with_another_event(f: Forger) -> None:
    f.recommit(-1, lambda event: event.update(type="decide"), leaf={"type": "decide"})
    f.relog(f.log_signer)
    f.cover_up()
