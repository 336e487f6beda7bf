"""The generator's ledger in a home: written behind the gate, anchored in the custody log, answering those who may ask.

gate/ledger/            the records (see `firstlight.gate.ledger.book`)
gate/ledger.signing     the key that signs answers, sealed
gate/askers             who may ask, each with the SHA-256 of their key, sealed
"""

from __future__ import annotations

import hashlib
import json
import secrets
from typing import ClassVar, Final, Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from firstlight.casework.gatekeeping import GateFolder
from firstlight.casework.home import Work, named
from firstlight.custody import EventType
from firstlight.errors import InputError, IntegrityError, NotFoundError, StateError
from firstlight.gate.ledger import Batch, GenerationRecord, Ledger, Went
from firstlight.gate.ledger.book import BATCH, New
from firstlight.gate.pipeline import Made
from firstlight.origin import LedgerKey, ledger_key
from firstlight.values import Document, Versioned, checked_name

LEDGER: Final = "ledger"
_SIGNING, _ASKERS = "ledger.signing", "askers"


class LedgerCheck(Document):
    """What a check of the whole ledger against the custody log found: how many records stand as they were logged."""

    title_for_people: ClassVar[str] = "check of the ledger"

    kind: Literal["ledger-check"] = "ledger-check"
    version: Versioned = 1
    records: int
    anchored: int
    batches: int
    wrong: tuple[int, ...]

    @property
    def holds(self) -> bool:
        """Whether every batch is what the custody log says."""
        return not self.wrong


def open_ledger(folder: GateFolder, *, batch: int = BATCH, writing: bool = True) -> Ledger:
    """The ledger of this home; each batch of records goes to the custody log. One that is not `writing` reads beside a
    gate that stands.

    Raises:
        StateError: another process writes it, and so would this one.
        IntegrityError: it holds fewer records than the custody log covers.
    """
    home = folder.home

    def anchor(one: Batch) -> None:
        with home.work() as work:
            work.record(EventType.GENERATE, first=one.first, count=one.count, root=one.root)

    anchored = max((one.first + one.count for one in logged_batches(folder)), default=0)
    own = anchor if writing else None
    return Ledger(folder.folder / LEDGER, anchor=own, anchored=anchored, batch=batch, writing=writing)


def logged_batches(folder: GateFolder) -> list[Batch]:
    """The batches that the custody log names, in order.

    Raises:
        IntegrityError: an entry of the log is no such batch.
    """
    with folder.home.look() as work:
        events = [entry.event for entry in work.log.entries(types=[EventType.GENERATE]) if entry.event]
    out = []
    for event in events:
        first, count, root = (event.payload.get(name) for name in ("first", "count", "root"))
        if not isinstance(first, int) or not isinstance(count, int) or not isinstance(root, str):
            raise IntegrityError("The custody log holds a batch of the ledger that cannot be read.")
        out.append(Batch(first, count, root))
    return out


def check_ledger(folder: GateFolder, ledger: Ledger) -> LedgerCheck:
    """Compare every batch of records with what the custody log says of it."""
    batches = logged_batches(folder)
    wrong = []
    for one in batches:
        try:
            same = ledger.batch(one.first, one.count) == one
        except (InputError, IntegrityError):
            same = False
        if not same:
            wrong.append(one.first)
    return LedgerCheck(records=len(ledger), anchored=ledger.anchored, batches=len(batches), wrong=tuple(wrong))


class LedgerBook:
    """Writes the records: give its `remember` to the gate."""

    def __init__(self, folder: GateFolder, ledger: Ledger) -> None:
        self._folder = folder
        self._ledger = ledger

    def remember(self, made: Made) -> None:
        """Write the record of a picture that is about to leave; durable when this returns.

        Raises:
            StorageError: the disk refused; the picture must not leave then.
        """
        words = {
            "prompt": made.prompt.text,
            "negative": made.prompt.negative,
            "seed": made.prompt.seed,
            "account": made.asker.account,
            "ip": made.asker.ip,
            "port": made.asker.port,
            "inputs": list(made.inputs),
            "adapters": list(made.adapters),
        }
        quality = made.picture.hash.pdq.quality
        record = GenerationRecord(
            sha256=made.sha256,
            pdq=made.picture.hash.pdq.hex,
            quality=quality,
            at=made.at,
            went=int(_went(made)),
            inputs=min(255, len(made.inputs)),
            input_sha256=made.inputs[0] if made.inputs else None,
            adapter_sha256=made.adapters[0] if made.adapters else None,
            prompt=self._folder.prompt_digest(made.prompt.text)[:32],
            account=self._folder.account_digest(made.asker.account)[:32] if made.asker.account else "",
        )
        sealed = self._folder.seal_words(words, f"generation {made.sha256}").encode()
        self._ledger.append([New(record, made.model.words, sealed)])


def _went(made: Made) -> Went:
    """What is known of it. Where the gate sees every picture that goes in, it knows when none did, unless the
    generator's own credential says otherwise."""
    flags = Went.NOTHING_KNOWN if made.hidden_input else Went.INPUTS_KNOWN
    for there, flag in (
        (made.inputs, Went.PICTURE),
        (made.face, Went.FACE),
        (made.adapters, Went.ADAPTER),
        (made.preview, Went.PREVIEW),
        (made.marked, Went.MARKED),
        (made.watermarked, Went.WATERMARKED),
        (made.near_input, Went.NEAR_INPUT),
    ):
        flags |= flag if there else Went.NOTHING_KNOWN
    return flags


def open_words(folder: GateFolder, ledger: Ledger, number: int, *, actor: str, why: str) -> dict[str, object]:
    """The prompt and the account of a record, opened for a filing; who did it and why stands in the custody log.

    Raises:
        NotFoundError: there is no such record, or no words were kept with it.
        InputError: nobody is named, or no reason.
    """
    if not why.strip():
        raise InputError("No reason is given.", hint="Say which report the words are opened for.")
    record = ledger.record(number)
    sealed = ledger.words(record, number)
    if not sealed:
        raise NotFoundError(f"No words were kept with record {number}.")
    with folder.home.work() as work:
        work.record(
            EventType.BREAK_GLASS,
            actor=named(actor),
            subject=record.sha256,
            what="words of a generation opened",
            record=number,
            why=why,
        )
    return folder.open_words(sealed.decode(), f"generation {record.sha256}")


def signing_key(folder: GateFolder) -> Ed25519PrivateKey:
    """The key that signs answers, made at first use."""
    return Ed25519PrivateKey.from_private_bytes(folder.kept(_SIGNING, lambda: secrets.token_bytes(32)))


def public_key(folder: GateFolder, name: str) -> LedgerKey:
    """What a hotline configures so that it believes this ledger's answers."""
    return ledger_key(name, signing_key(folder))


def askers(folder: GateFolder) -> dict[str, str]:
    """Who may ask: names, each with the SHA-256 of the key."""
    found: dict[str, str] = json.loads(folder.kept(_ASKERS, lambda: b"{}"))
    return found


def add_asker(folder: GateFolder, name: str, actor: str) -> str:
    """Let somebody ask; answers their key, which is kept nowhere.

    Raises:
        StateError: they may already.
    """
    checked_name(name, "name of an asker")
    key = f"fla-{secrets.token_urlsafe(32)}"
    with folder.home.work() as work:  # one at a time: nobody writes back what another one has just changed
        known = askers(folder)
        if name in known:
            raise StateError(f"{name} may ask already.", hint="Take the key away first, to give a new one.")
        known[name] = hashlib.sha256(key.encode()).hexdigest()
        _set_askers(work, folder, known, actor, "asker added", name)
    return key


def remove_asker(folder: GateFolder, name: str, actor: str) -> None:
    """Let somebody ask no more.

    Raises:
        NotFoundError: nobody of this name may.
    """
    with folder.home.work() as work:
        known = askers(folder)
        if name not in known:
            raise NotFoundError(f"Nobody named {name} may ask.")
        del known[name]
        _set_askers(work, folder, known, actor, "asker removed", name)


def _set_askers(work: Work, folder: GateFolder, known: dict[str, str], actor: str, what: str, name: str) -> None:
    work.record(EventType.CONFIG_CHANGE, actor=named(actor), what=f"gate {what}", name=name)
    folder.keep(_ASKERS, json.dumps(known).encode())
