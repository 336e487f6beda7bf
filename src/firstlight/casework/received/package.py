"""An evidence package: what is in it after it was verified, and its originals where it carries them for our key."""

from __future__ import annotations

import hashlib
import importlib
import json
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Any

from firstlight.casework.parties import UPLOADER
from firstlight.casework.plain import shown
from firstlight.casework.received.document import ReceivedCase, ReceivedFile, ReceivedItem
from firstlight.casework.upload import LONGEST_TEXT, Upload
from firstlight.custody import Identifier, PackageSummary
from firstlight.errors import InputError, IntegrityError, MissingExtraError
from firstlight.triage import Context, ContextFact


def read(folder: Path, found: PackageSummary) -> ReceivedCase:
    """The case of a package that verifies."""
    stated = _stated(folder)
    sender, reference = _plain(found.organisation), _plain(f"{found.name} ({found.case})")
    items = []
    for number, one in enumerate(found.files):
        record = one.model_dump(mode="json")
        file = ReceivedFile(
            form="package",
            sender=sender,
            reference=reference,
            number=number,
            md5=one.digests.md5,
            sha1=one.digests.sha1,
            sha256=one.digests.sha256,
            size=one.digests.size,
            pdq=one.pdq,
            media_type=one.media_type,
            record=record,
        )
        upload = _upload(found.identifiers, one.original_name or one.digests.sha256)
        context = Context(facts=tuple(stated.get(one.digests.sha256, ())))
        items.append(ReceivedItem(file, upload.model_copy(update={"context": context})))
    if not items:
        whole = ReceivedFile(form="package", sender=sender, reference=reference, number=0)
        items = [ReceivedItem(whole, Upload(name=reference))]
    return ReceivedCase(reference, sender, found.check.says, tuple(items))


def _stated(folder: Path) -> dict[str, set[ContextFact]]:
    """What the sender's records state of each file that the ranking knows: facts only raise, so its word is enough.

    Records of another form state nothing here; they lie in the package.
    """
    found: dict[str, set[ContextFact]] = {}
    by_number: dict[int, str] = {}
    records = folder / "data" / "records"
    for path in sorted(records.glob("item-*.json")):
        try:
            record = json.loads(path.read_bytes())
            sha256 = record["stored"]["digests"]["sha256"]
            by_number[record["item"]] = sha256
            facts = [one for one in record["upload"]["context"]["facts"] if one in set(ContextFact)]
        except (ValueError, KeyError, TypeError):
            continue
        found.setdefault(sha256, set()).update(ContextFact(one) for one in facts)
    try:
        for one in json.loads((records / "decisions.json").read_bytes()):
            if one["conclusion"]["escalation"]:
                found.setdefault(by_number[one["item"]], set()).add(ContextFact.ESCALATED)
    except (OSError, ValueError, KeyError, TypeError):
        return found
    return found


def media(folder: Path) -> list[Path]:
    """The encrypted originals that a package carries."""
    return sorted((folder / "data" / "media").glob("*.age"))


def identities(path: Path) -> list[Any]:
    """The agency's own keys from a file as age writes it.

    Raises:
        MissingExtraError: the library for age is not installed.
        InputError: the file holds no key.
    """
    try:
        age: Any = importlib.import_module("pyrage")
    except ImportError as e:
        raise MissingExtraError(
            "Opening originals needs the library pyrage.", hint="pip install 'firstlight[age]'"
        ) from e
    try:
        lines = path.read_text("utf-8").splitlines()
        keys = [age.x25519.Identity.from_str(one.strip()) for one in lines if one.startswith("AGE-SECRET-KEY-")]
    except (OSError, UnicodeDecodeError, age.IdentityError) as e:
        raise InputError(f"{path} holds no age key.", hint="Name the file that age-keygen has written.") from e
    if not keys:
        raise InputError(f"{path} holds no age key.", hint="Name the file that age-keygen has written.")
    return keys


def originals(files: Sequence[Path], keys: Sequence[Any]) -> Iterator[tuple[str, bytes]]:
    """SHA-256 and bytes of each original; opened in memory alone.

    Raises:
        InputError: it was not encrypted to this key.
        IntegrityError: what it holds is not what its name says.
    """
    age: Any = importlib.import_module("pyrage")
    for path in files:
        try:
            data = age.decrypt(path.read_bytes(), list(keys))
        except age.DecryptError as e:
            raise InputError(
                f"{path.name} does not open with this key.", hint="It was encrypted to another one; ask the sender."
            ) from e
        if hashlib.sha256(data).hexdigest() != path.stem:
            raise IntegrityError(f"{path.name} holds something else than its name says.", code="integrity.package")
        yield path.stem, data


def _upload(identifiers: Sequence[Identifier], name: str) -> Upload:
    """The account and address that the package names, where it names exactly one: more are in the record alone."""
    identifiers = [one for one in identifiers if one.note in ("", UPLOADER) and one.event != "profile"]
    accounts = [one.value for one in identifiers if one.kind == "account"]
    urls = [one.value for one in identifiers if one.kind == "url"]
    ips = [one for one in identifiers if one.kind == "ip"]
    only = ips[0] if len(ips) == 1 else None
    return Upload(
        name=_plain(name),
        account=_plain(accounts[0]) if len(accounts) == 1 else "",
        url=_plain(urls[0]) if len(urls) == 1 else "",
        ip=_address(only.value) if only else None,
        port=only.port or None if only else None,
        uploaded_at=only.at if only else None,
    )


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None  # it stands in the record as it came


def _plain(text: str) -> str:
    return shown(text.strip(), lines=False)[:LONGEST_TEXT]
