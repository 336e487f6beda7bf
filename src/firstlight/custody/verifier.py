#!/usr/bin/env python3
"""Check a Firstlight evidence package. Run:  python3 -I verify/verify.py [PACKAGE] [--key KEY]

This one file needs nothing but Python 3.8 or later: no network, no other program, no installation. It is short so
that anyone can read it before trusting it. It only reads, and it never opens the files it checks with any other
program. It answers 0 if everything agrees, 1 if something differs (and names the first), 2 if it was called wrongly.

What it checks, in this order:
  1. the bag      every file is listed, every listed file is there and has the SHA-256 and SHA-512 that it should have
  2. checkpoint   the organisation's custody log signed its state (Ed25519, C2SP signed note)
  3. entries      every log entry shown stands in that signed log (RFC 6962 inclusion proofs), and every event shown
                  is the one that the entry committed to when it was written (HMAC-SHA-256)
  4. export       the log itself recorded which entries are shown here, and the SHA-256 of every record and statement
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import re
import sys
import typing
from pathlib import Path

MAX_TEXT = 256 * 1024 * 1024  # bytes of a list that is read into memory: one of a million files has half as many
MAX_LINE = 8 * 1024 * 1024  # bytes of one entry of the log: events have at most 1 MB
CUSTODY = "data/custody/"
CUSTODY_FILES = {CUSTODY + name for name in ("contents-sha256.txt", "entries.jsonl", "checkpoint", "log.vkey")}
CUSTODY_FILES |= {CUSTODY + name for name in ("export.tlog-proof", "checkpoint.tsr", "tsa-chain.pem", "witness.vkey")}
BAG_FILES = {"bagit.txt", "bag-info.txt", "manifest-sha256.txt", "manifest-sha512.txt", "tagmanifest-sha256.txt"}
Event = typing.Optional[typing.Dict[str, object]]  # noqa: UP006, UP045 - None if it was destroyed
# how many entries, how many with their event; number, event and proof of the last; digest of the list of the others
Shown = typing.Tuple[int, int, int, Event, typing.List[str], str]  # noqa: UP006
SAFE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*")


class DiffersError(Exception):
    """Something in the package is not what it should be."""

    def __init__(self, where: str, what: str) -> None:
        super().__init__(where + ": " + what)
        self.where, self.what = where, what


# ---- 1. the bag -----------------------------------------------------------------------------------------------------


def read(package: Path, name: str) -> bytes:
    """A small file of the package."""
    path = package / name
    if not path.is_file():
        raise DiffersError(name, "this file is missing")
    if path.stat().st_size > MAX_TEXT:
        raise DiffersError(name, "this file is too large to be what it should be")
    return path.read_bytes()


def text_of(package: Path, name: str) -> str:
    """A small file of the package as UTF-8 text."""
    try:
        return read(package, name).decode("utf-8")
    except UnicodeDecodeError:
        raise DiffersError(name, "this file is not UTF-8 text") from None


def files_in(package: Path) -> list[str]:
    """The names of all files, sorted. Links, devices and odd names are refused: they could hide or replace things."""
    found = []
    folded = {}  # type: dict[str, str]
    for folder, folders, names in os.walk(str(package)):
        for name in folders + names:
            path = Path(folder) / name
            inside = path.relative_to(package).as_posix()
            if path.is_symlink():
                raise DiffersError(inside, "this is a link; a package holds only files and folders")
            if not SAFE_NAME.fullmatch(inside):
                raise DiffersError(ascii(inside), "this name is not one that a package may hold")
            if inside.lower() in folded:
                raise DiffersError(inside, "this name differs from " + folded[inside.lower()] + " only in upper case")
            folded[inside.lower()] = inside
            if name in names:
                if not path.is_file():
                    raise DiffersError(inside, "this is no ordinary file")
                found.append(inside)
    return sorted(found)


def digest_of(path: Path, algorithm: str) -> str:
    """The digest of a file of any size."""
    hashed = hashlib.new(algorithm)
    with path.open("rb") as stream:
        for block in iter(lambda: stream.read(1024 * 1024), b""):
            hashed.update(block)
    return hashed.hexdigest()


def parse_list(name: str, text: str, digits: int) -> dict[str, str]:
    """A list of `digest  name` lines, as sha256sum writes and reads them."""
    listed = {}  # type: dict[str, str]
    if not text.endswith("\n"):
        raise DiffersError(name, "the last line of this list is cut off")
    for number, line in enumerate(text[:-1].split("\n"), 1):
        digest, gap, path = line[:digits], line[digits : digits + 2], line[digits + 2 :]
        if gap != "  " or not re.fullmatch("[0-9a-f]+", digest) or not SAFE_NAME.fullmatch(path):
            raise DiffersError(name, f"line {number} of this list is malformed")
        if path in listed:
            raise DiffersError(name, path + " is listed twice")
        listed[path] = digest
    return listed


def check_list(package: Path, name: str, algorithm: str, expected: list[str]) -> None:
    """Every expected file is listed, nothing else is, and every digest is right."""
    listed = parse_list(name, text_of(package, name), hashlib.new(algorithm).digest_size * 2)
    for path in expected:
        if path not in listed:
            raise DiffersError(path, "this file is not listed in " + name)
    for path in sorted(listed):
        if path not in expected:
            raise DiffersError(path, "this file is listed in " + name + " but is not in the package")
        if digest_of(package / path, algorithm) != listed[path]:
            raise DiffersError(path, "this file was changed: its " + algorithm.upper() + " is not the one in " + name)


def check_bag(package: Path) -> tuple[list[str], str]:
    """The files of a whole BagIt 1.0 bag, and bytes and number of those in data/."""
    files = files_in(package)
    if text_of(package, "bagit.txt") != "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n":
        raise DiffersError("bagit.txt", "this is no BagIt 1.0 package")
    tags = [f for f in files if not f.startswith("data/") and f != "tagmanifest-sha256.txt"]
    check_list(package, "tagmanifest-sha256.txt", "sha256", tags)
    payload = [f for f in files if f.startswith("data/")]
    check_list(package, "manifest-sha256.txt", "sha256", payload)
    check_list(package, "manifest-sha512.txt", "sha512", payload)
    sizes = [(package / f).stat().st_size for f in payload]
    return files, f"{sum(sizes)}.{len(sizes)}"


# ---- 2. the checkpoint ----------------------------------------------------------------------------------------------

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)
Point = typing.Tuple[int, int, int, int]  # noqa: UP006 - x, y, z and t of a point x/z, y/z with t = xy/z


def point_from(data: bytes) -> Point | None:
    """The point of the curve that 32 bytes name; None if they name none."""
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    if y >= P:
        return None
    x2 = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(x2, (P + 3) // 8, P)
    if (x * x - x2) % P:
        x = x * ROOT_OF_MINUS_ONE % P
    if (x * x - x2) % P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


def add(a: Point, b: Point) -> Point:
    """The sum of two points (RFC 8032, section 5.1.4)."""
    m, n = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    c, d = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, f, g, h = n - m, d - c, d + c, n + m
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(number: int, point: Point) -> Point:
    """The point, added to itself so many times."""
    total = (0, 1, 1, 0)
    while number:
        if number & 1:
            total = add(total, point)
        point = add(point, point)
        number >>= 1
    return total


BASE = typing.cast("Point", point_from(bytes.fromhex("58" + "66" * 31)))


def ed25519_accepts(key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the holder of the key signed the message (RFC 8032, section 5.1.7)."""
    public, commitment = point_from(key), point_from(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if public is None or commitment is None or len(signature) != 64 or s >= L:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % L
    left, right = times(s, BASE), add(commitment, times(h, public))
    same_x = (left[0] * right[2] - right[0] * left[2]) % P == 0
    return same_x and (left[1] * right[2] - right[1] * left[2]) % P == 0


def unbase64(where: str, text: str) -> bytes:
    """Strict base64: one text for one value."""
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        raise DiffersError(where, "the base64 in this file is damaged") from None
    if base64.b64encode(data).decode() != text:
        raise DiffersError(where, "the base64 in this file is not in its proper form")
    return data


def parse_key(where: str, text: str, kind: int = 1) -> tuple[str, bytes, bytes]:
    """Name, id and bytes of a public key, written as name+id+base64; a log's is of kind 1, a witness's of kind 4."""
    name, _, rest = text.strip().partition("+")
    ident, _, encoded = rest.partition("+")
    raw = unbase64(where, encoded)
    if len(raw) != 33 or raw[0] != kind or not name:
        raise DiffersError(where, "this is no Ed25519 " + ("log" if kind == 1 else "witness") + " key")
    key_id = hashlib.sha256(name.encode() + b"\n" + raw).digest()[:4]
    if key_id.hex() != ident:
        raise DiffersError(where, "the id of this key does not belong to it")
    return name, key_id, raw[1:]


def signatures_of(where: str, data: bytes, name: str, key_id: bytes) -> tuple[str, list[bytes]]:
    """The text of a signed note, and the signatures of one key under it, without the key's id."""
    body, gap, signatures = data.decode("utf-8", "replace").rpartition("\n\n")
    if not gap:
        raise DiffersError(where, "this checkpoint has no signatures")
    parts = [line.split(" ") for line in signatures.split("\n")[:-1]]
    of_name = [unbase64(where, one[2]) for one in parts if len(one) == 3 and one[:2] == ["\u2014", name]]
    return body + "\n", [raw[4:] for raw in of_name if raw[:4] == key_id]


def check_checkpoint(where: str, data: bytes, key: tuple[str, bytes, bytes]) -> tuple[int, bytes]:
    """Size and root of the log, as its key signed them."""
    name, key_id, public = key
    body, found = signatures_of(where, data, name, key_id)
    if not found:
        raise DiffersError(where, "the log's key did not sign this checkpoint")
    for signature in found:
        if not ed25519_accepts(public, body.encode(), signature):
            raise DiffersError(where, "the signature on the log's checkpoint is false")
    lines = body.split("\n")
    if len(lines) != 4 or lines[0] != name or not re.fullmatch("0|[1-9][0-9]{0,18}", lines[1]):
        raise DiffersError(where, "this is no checkpoint of the log " + name)
    root = unbase64(where, lines[2])
    if len(root) != 32:
        raise DiffersError(where, "the root in this checkpoint is malformed")
    return int(lines[1]), root


def check_witness(package: Path, checkpoint: bytes) -> list[str]:
    """What a second signer says of the checkpoint (C2SP cosignature/v1), where the package names one."""
    where = CUSTODY + "witness.vkey"
    if not (package / where).is_file():
        return []
    name, key_id, public = parse_key(where, text_of(package, where), 4)
    body, found = signatures_of(CUSTODY + "checkpoint", checkpoint, name, key_id)
    raw = found[0] if found else b""
    seconds = int.from_bytes(raw[:8], "big")
    if not ed25519_accepts(public, b"cosignature/v1\ntime %d\n" % seconds + body.encode(), raw[8:]):
        raise DiffersError(CUSTODY + "checkpoint", "the witness " + name + " did not sign this checkpoint")
    said = f"The witness {name} signed the same state, {seconds} seconds after the beginning of 1970."
    return [said, "NOT PROVED: whose key the witness's is. Compare witness.vkey with what the witness publishes."]


def parts_of(der: bytes) -> list[bytes]:
    """The contents of the elements that stand side by side in DER."""
    parts, at = [], 0
    while at < len(der):
        size, at = der[at + 1], at + 2
        if size & 128:
            size, at = int.from_bytes(der[at : at + (size & 127)], "big"), at + (size & 127)
        parts.append(der[at : at + size])
        at += size
    return parts


def check_stamp(package: Path, checkpoint: bytes) -> list[str]:
    """What the time stamp (RFC 3161) states, if there is one, and that it is of this checkpoint."""
    where = CUSTODY + "checkpoint.tsr"
    if not (package / where).is_file():
        return []
    try:
        info = read(package, where)
        for step in (0, 1, 1, 0, 2, 1, 0, 0):  # answer, token, what is signed in it
            info = parts_of(info)[step]
        imprint, time = parts_of(parts_of(info)[2])[1], parts_of(info)[4].decode("ascii")
    except (IndexError, UnicodeDecodeError):
        raise DiffersError(where, "this is no time stamp") from None
    if imprint != hashlib.sha256(checkpoint).digest():
        raise DiffersError(where, "this time stamp is of something else than the checkpoint")
    limit = "NOT PROVED: that an authority signed the time stamp. In data/custody: openssl ts -verify -data checkpoint "
    limit += "-in checkpoint.tsr -CAfile (the authority's certificates)"
    return [f"A time stamp of this checkpoint states the time {time}.", limit]


# ---- 3. the entries -------------------------------------------------------------------------------------------------


def root_by_proof(where: str, leaf: bytes, index: int, size: int, proof: list[bytes]) -> bytes:
    """The root to which an inclusion proof leads from a leaf (RFC 9162, section 2.1.3.2)."""
    if not 0 <= index < size:
        raise DiffersError(where, f"entry {index} is not in a log of {size} entries")
    number, last, top, rest = index, size - 1, hashlib.sha256(b"\0" + leaf).digest(), list(proof)
    while last:
        if number & 1 or number < last:
            if not rest:
                raise DiffersError(where, f"the inclusion proof of entry {index} is too short")
            sibling = rest.pop(0)
            pair = sibling + top if number & 1 else top + sibling
            top = hashlib.sha256(b"\1" + pair).digest()
        number, last = number >> 1, last >> 1
    if rest:
        raise DiffersError(where, f"the inclusion proof of entry {index} is too long")
    return top


def parse_json(where: str, text: str) -> dict[str, object]:
    """A JSON object in which no name stands twice."""

    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        made = dict(pairs)
        if len(made) != len(pairs):
            raise DiffersError(where, "a name stands twice in one JSON object")
        return made

    try:
        value = json.loads(text, object_pairs_hook=once)
    except (ValueError, RecursionError):
        raise DiffersError(where, "the JSON in this file is malformed") from None
    if not isinstance(value, dict):
        raise DiffersError(where, "the JSON in this file is no object")
    return value


def string(where: str, value: dict[str, object], name: str) -> str:
    """A text field of a JSON object."""
    found = value.get(name)
    if not isinstance(found, str):
        raise DiffersError(where, "the field " + name + " is missing or no text")
    return found


def check_entry(where: str, line: str, size: int, root: bytes, before: int) -> tuple[int, Event, list[str]]:
    """Number, event and proof of one entry, if it stands in the log and the event is the one it committed to."""
    entry = parse_json(where, line)
    text = string(where, entry, "leaf")
    leaf = parse_json(where, text)
    seq, proof = leaf.get("seq"), entry.get("proof")
    if not isinstance(seq, int) or isinstance(seq, bool) or not isinstance(proof, list):
        raise DiffersError(where, "an entry has no number or no proof")
    if seq <= before:
        raise DiffersError(where, f"entry {seq} stands behind entry {before}")
    hashes = [str(one) for one in proof]
    if root_by_proof(where, text.encode(), seq, size, [unbase64(where, one) for one in hashes]) != root:
        raise DiffersError(where, f"entry {seq} is not in the log that was signed: it was changed or made up")
    if entry.get("event") is None:
        return seq, None, hashes
    event_text = string(where, entry, "event")
    try:
        salt = bytes.fromhex(string(where, entry, "salt"))
    except ValueError:
        raise DiffersError(where, f"the salt of entry {seq} is malformed") from None
    committed = hmac.new(salt, event_text.encode(), hashlib.sha256).hexdigest()
    if len(salt) != 32 or committed != leaf.get("commitment"):
        raise DiffersError(where, f"the event shown for entry {seq} is not the one that was logged")
    event = parse_json(where, event_text)
    if (event.get("type"), event.get("at")) != (leaf.get("type"), leaf.get("at")):
        raise DiffersError(where, f"entry {seq} and its event differ in type or time")
    return seq, event, hashes


def check_entries(package: Path, size: int, root: bytes) -> Shown:
    """Check every entry that the package shows, one line after the other."""
    where = CUSTODY + "entries.jsonl"
    count, opened, seq, event, proof = 0, 0, -1, None, []  # type: int, int, int, Event, list[str]
    listed, waiting = hashlib.sha256(), b""
    if not (package / where).is_file():
        raise DiffersError(where, "this file is missing")
    with (package / where).open("rb") as lines:
        for line in iter(lambda: lines.readline(MAX_LINE), b""):
            if not line.endswith(b"\n"):
                raise DiffersError(where, "a line is cut off or too long")
            seq, event, proof = check_entry(where, line[:-1].decode("utf-8", "replace"), size, root, seq)
            count, opened = count + 1, opened + (event is not None)
            listed.update(waiting)
            waiting = f"{seq} {'closed' if event is None else 'open'}\n".encode()
    return count, opened, seq, event, proof, listed.hexdigest()


# ---- 4. the export --------------------------------------------------------------------------------------------------


def check_export(package: Path, shown: Shown, checkpoint: bytes) -> dict[str, object]:
    """What the log itself recorded about this export: its last entry shown here."""
    where, (_, _, newest, event, proof, listed) = CUSTODY + "entries.jsonl", shown
    export = event if event is not None and event.get("type") == "export" else {}
    payload = export.get("payload")
    if not isinstance(payload, dict):
        raise DiffersError(where, "the last entry shown is not the log's record of this export")
    if payload.get("entries_sha256") != listed:
        raise DiffersError(where, "entries were left out, or closed, since the log recorded the export")
    alone = "\n".join(["c2sp.org/tlog-proof@v1", f"index {newest}", *proof, "", ""]).encode() + checkpoint
    if read(package, CUSTODY + "export.tlog-proof") != alone:
        raise DiffersError(CUSTODY + "export.tlog-proof", f"this proof is not that of the export, entry {newest}")
    return {**payload, "day": str(export.get("at"))[:10]}


def check_contents(package: Path, files: list[str], oxum: str, export: dict[str, object]) -> int:
    """How many files the log recorded when the package was made: all but the bag's lists and the log's proofs."""
    where = CUSTODY + "contents-sha256.txt"
    if export.get("contents_sha256") != hashlib.sha256(read(package, where)).hexdigest():
        raise DiffersError(where, "this list is not the one that the log recorded when the package was made")
    listed = parse_list(where, text_of(package, where), 64)
    covered = [f for f in files if f not in BAG_FILES and f not in CUSTODY_FILES]
    for path in sorted(set(covered) | set(listed)):
        if path not in listed:
            raise DiffersError(path, "this file was not in the package when the log recorded it")
        if path not in covered:
            raise DiffersError(path, "this file was in the package when the log recorded it and is missing now")
        if digest_of(package / path, "sha256") != listed[path]:
            raise DiffersError(path, "this file is not the one that the log recorded when the package was made")
    info = [
        "Source-Organization: {}".format(export.get("organization")),
        "Bagging-Date: {}".format(export.get("day")),
        "External-Identifier: {}".format(export.get("package")),
        "Payload-Oxum: " + oxum,
    ]
    if text_of(package, "bag-info.txt") != "\n".join(info) + "\n":
        raise DiffersError("bag-info.txt", "it does not say what the log recorded, or states wrong numbers")
    return len(covered)


# ---- all of it ------------------------------------------------------------------------------------------------------


def verify(package: Path, trusted_key: str | None = None) -> list[str]:
    """What was shown, in plain sentences. A DiffersError names the first thing that is not what it should be."""
    if not package.is_dir():
        raise DiffersError(str(package), "this is no folder")
    files, oxum = check_bag(package)
    own = text_of(package, CUSTODY + "log.vkey")
    key = parse_key(CUSTODY + "log.vkey", own)
    if trusted_key is not None and parse_key("the key you gave", trusted_key) != key:
        raise DiffersError(CUSTODY + "log.vkey", "this is not the key that you gave")
    checkpoint = read(package, CUSTODY + "checkpoint")
    size, root = check_checkpoint(CUSTODY + "checkpoint", checkpoint, key)
    shown = check_entries(package, size, root)
    covered = check_contents(package, files, oxum, check_export(package, shown, checkpoint))
    said = [
        f"The bag is whole: {len(files)} files, each with the SHA-256 that its lists state.",
        f"The custody log {key[0]} signed its state at {size} entries.",
        f"{shown[0]} entries shown here stand in that log; {shown[1]} of them with the event that they recorded.",
        f"The log recorded the SHA-256 of {covered} files when the package was made; all are unchanged.",
    ]
    if trusted_key is None:
        said.append("NOT PROVED: whose key this is, for it came with the package. Compare it with the one that the")
        said.append("organisation publishes, or run this again with --key and that one. It is " + own.strip())
    else:
        said.append("The log's key is the one that you gave.")
    said += check_witness(package, checkpoint) + check_stamp(package, checkpoint)
    said.append("NOT PROVED: that what was recorded is true, or that the organisation chose to show all that matters.")
    return said


def main(arguments: list[str]) -> int:
    """Run the check and say what came out of it."""
    key, rest = None, list(arguments)
    if "--key" in rest:
        at = rest.index("--key")
        key = "".join(rest[at + 1 : at + 2])
        del rest[at : at + 2]
        try:
            parse_key("the key that you gave", key)
        except DiffersError as found:
            sys.stderr.write(f"{found}\n")
            return 2
    if len(rest) > 1 or any(one.startswith("-") for one in rest):
        sys.stderr.write("usage: python3 -I verify/verify.py [PACKAGE] [--key KEY]\n")
        return 2
    package = Path(rest[0]) if rest else Path(__file__).resolve().parent.parent
    try:
        sys.stdout.write("\n".join([*verify(package, key), "VERIFIED.", ""]))
    except DiffersError as found:
        sys.stdout.write(f"DIFFERS: {found.where}: {found.what}.\n")
        return 1
    except OSError as found:
        sys.stderr.write(f"Cannot read the package: {found}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
