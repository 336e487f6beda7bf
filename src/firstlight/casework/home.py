"""The home: one folder that holds everything an operator has to keep, and the one door to it.

settings.toml           who runs this home (plain text, for the operator to edit)
firstlight.sqlite3      items, cases, decisions, filings, the custody log; or, when they lie in PostgreSQL,
database                where they lie
keys/                   the keyring; back it up apart from the rest
vault/                  originals, encrypted
banks/                  hash lists, sealed
bundles/                one PDQ hash a bundle, for live bundling
gate/                   the key and rules of a gate, sealed
trust/                  the operator's lists of whom to believe about content credentials
destinations/           credentials of the reporting service, sealed
service.address         where the service that runs on this home answers
"""

from __future__ import annotations

import contextlib
import hashlib
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Self

from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from firstlight import __version__
from firstlight.banks import FloodGuard, Library
from firstlight.casework import place, vaulting
from firstlight.casework import policies as policies_file
from firstlight.casework import settings as settings_file
from firstlight.casework.ledger import SqlLeafStore
from firstlight.casework.plain import first_control
from firstlight.casework.policies import Policies
from firstlight.casework.settings import Given, Settings
from firstlight.clock import Clock, SystemClock
from firstlight.custody import CustodyLog, Event, EventType, Keyring, Sealer, SignedCheckpoint, Vault
from firstlight.errors import InputError, IntegrityError, NotFoundError, StateError, StorageError
from firstlight.index import HammingIndex
from firstlight.index.disk import locked
from firstlight.origin import TrustLists
from firstlight.origin.trust_folder import load_folder
from firstlight.store import Database
from firstlight.store.tables import Item, Setting
from firstlight.triage import PriorityTable
from firstlight.values import Sha256Hex

FLOODS = "floods"
TRUST = "trust"
INTAKE = "intake.lock"
TABLE = "priority-table"  # the setting that holds the operator's own table; the shipped one holds without it
LOG_NAME = "firstlight.invalid/custody"  # a name, never an address: the domain "invalid" cannot exist
SERVICE = "service"  # the actor of what the program does by itself


@dataclass(frozen=True, slots=True)
class Work:
    """One transaction: a session and the custody log inside it. Rows and events commit together or not at all."""

    session: Session
    log: CustodyLog
    clock: Clock
    policies: Policies = field(default_factory=Policies)

    def record(
        self,
        kind: EventType,
        *,
        actor: str = SERVICE,
        case: int | None = None,
        subject: Sha256Hex | None = None,
        **payload: object,
    ) -> None:
        """Write one event of now to the custody log."""
        self.log.append(self.event(kind, actor, case, subject, payload))

    def event(
        self,
        kind: EventType,
        actor: str,
        case: int | None,
        subject: Sha256Hex | None,
        payload: dict[str, object],
        at: datetime | None = None,
    ) -> Event:
        """An event of now, or of `at`, to be written together with others by `log.append_many`.

        Raises:
            InputError: nobody is named as its actor, or it holds what the log cannot carry.
        """
        values = {
            "type": kind,
            "at": at or self.clock.now(),
            "actor": named(actor),
            "case": None if case is None else case_name(case),
            "subject": subject,
            "payload": payload,
        }
        try:
            return Event.model_validate(values)
        except ValidationError as e:
            first = e.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            raise InputError(f"The custody log cannot carry this: {where}: {first['msg']}.") from e


class Home:
    """An open home. Close it, or use it as a context manager."""

    def __init__(self, folder: Path, *, clock: Clock, settings: Settings, database: Database, keyring: Keyring) -> None:
        self.folder = folder
        self.clock = clock
        self.settings = settings
        self.database = database
        self.keyring = keyring
        self.policies = policies_file.load(folder, settings.retention)
        self._table = PriorityTable.load()
        self.flood_guard = FloodGuard(clock, folder / FLOODS)
        self._open: contextlib.ExitStack = contextlib.ExitStack()
        self._open.callback(database.close)
        self._vault: Vault | None = None
        self._library: Library | None = None
        self._bundles: HammingIndex | None = None
        self._trust: TrustLists | None = None

    @classmethod
    def open(
        cls,
        folder: Path,
        *,
        clock: Clock | None = None,
        create: bool = True,
        given: Given | None = None,
        database_url: str | None = None,
    ) -> Home:
        """Open the home in this folder; made, with new keys, when nothing is there and `create` allows it.

        Its tables lie in the PostgreSQL database of `database_url`, else of the settings, else in a file of the folder.

        Raises:
            NotFoundError: nothing is there and `create` is off.
            StorageError: the folder or the database cannot be used, or others may enter the folder.
            StateError: the tables of this home lie elsewhere, the database is that of another home, or its restore was
                cut off.
            IntegrityError: its database or keyring is damaged.
        """
        clock = clock or SystemClock()
        folder = _absolute(folder)
        if not create and not any(_is_there(folder / one) for one in (place.DATABASE, place.FILE, "keys")):
            raise NotFoundError(
                f"There is no Firstlight home in {folder}.",
                hint="Name another folder with --home, or begin with `firstlight bank create` or `firstlight intake`.",
            )
        _private_folder(folder)
        place.require_whole(folder)
        with _locked(folder):  # two commands that begin at once make one home
            settings = settings_file.load(folder, given)
            database = place.connect(folder, database_url or settings.database.url or None, create=create)
            try:
                keyring = _keyring(folder / "keys", database, settings)
                place.claim(folder, database, keyring)
            except BaseException:
                database.close()
                raise
        home = cls(folder, clock=clock, settings=settings, database=database, keyring=keyring)
        try:
            with home.look():  # which reads the home's own priority table
                return home
        except BaseException:
            home.close()
            raise

    @property
    def table(self) -> PriorityTable:
        """The priority table in force; another process may replace it, which the next transaction sees."""
        return self._table

    def use_table(self, table: PriorityTable) -> None:
        """Rank by this table from now on."""
        self._table = table

    def _fresh_table(self, session: Session) -> None:
        """Read the table again if the one in the database is another."""
        text = session.scalar(select(Setting.value).where(Setting.name == TABLE))
        if text is None:
            return
        data = text.encode()
        if hashlib.sha256(data).hexdigest() != self._table.sha256:
            self._table = PriorityTable.parse(data, "the priority table of this home")

    @property
    def vault(self) -> Vault:
        """The originals.

        Raises:
            IntegrityError: something was taken in, and the folder is gone.
        """
        if self._vault is None:
            folder = self.folder / "vault"
            if self.settings.vault.storage == "folder" and not folder.exists() and self._holds_items():
                raise _gone(folder, "the originals of what was taken in")
            self._vault = vaulting.open_vault(folder, self.settings.vault, self.keyring, self.clock)
        return self._vault

    @property
    def library(self) -> Library:
        """The banks.

        Raises:
            IntegrityError: banks were made, and the folder is gone: without them everything would be a miss.
            StateError: the settings ask for plain lists and these are sealed, or the other way round.
        """
        if self._library is None:
            with _locked(self.folder):
                self._library = self._opened_library()
        return self._library

    @property
    def bundles(self) -> HammingIndex:
        """One PDQ hash a bundle, under the number of the bundle's first item; built again from the items if gone."""
        if self._bundles is None:
            with _locked(self.folder):
                self._bundles = self._opened_bundles()
        return self._bundles

    @property
    def trust(self) -> TrustLists:
        """Whom to believe about content credentials; nobody as long as the operator has put no list there.

        Raises:
            IntegrityError: a list is not the one that was put there.
            InputError: the table of lists is damaged.
        """
        if self._trust is None:
            self._trust = load_folder(self.folder / TRUST)
        return self._trust

    def forget_trust(self) -> None:
        """Read the trust lists again when they are needed next."""
        self._trust = None

    def _opened_library(self) -> Library:
        if self._library is not None:  # another thread was here first
            return self._library
        folder = self.folder / "banks"
        sealer = self._banks_sealer()
        try:
            library = Library.open(folder, sealer=sealer, clock=self.clock)
        except NotFoundError:
            if self.made_banks():
                raise _gone(folder, "the hash lists") from None
            library = Library.create(folder, sealer=sealer, clock=self.clock)
        self._open.callback(library.close)
        return library

    def _opened_bundles(self) -> HammingIndex:
        if self._bundles is not None:  # another thread was here first
            return self._bundles
        folder = self.folder / "bundles"
        try:
            index = HammingIndex.open(folder, patient=True)
        except NotFoundError:
            index = HammingIndex.create(folder, patient=True)
        self._open.callback(index.close)
        if not len(index):
            self._fill(index)
        return index

    def _holds_items(self) -> bool:
        with self.database.read() as session:
            return session.scalar(select(Item.id).limit(1)) is not None

    def made_banks(self) -> tuple[str, ...]:
        """The banks that were made here and not deleted, by the custody log, whether they are there or not. The whole
        log is walked."""
        names: dict[str, None] = {}
        with self.look() as work:
            for entry in work.log.entries(types=[EventType.BANK_CREATED, EventType.BANK_DELETED]):
                if entry.event is not None:
                    follow_banks(names, entry.event.type, entry.event.payload)
        return tuple(names)

    def begin_banks(self) -> None:
        """Make the folder of the hash lists anew, and empty, in a home that was restored: no backup holds any list."""
        with _locked(self.folder):
            Library.create(self.folder / "banks", sealer=self._banks_sealer(), clock=self.clock).close()

    def _banks_sealer(self) -> Sealer | None:
        return self.keyring.sealer("banks") if self.settings.banks.sealed else None

    def _fill(self, index: HammingIndex) -> None:
        """The first picture of each bundle, as `Bundler` would have put it in."""
        wanted = select(Item.id, Item.pdq).where(
            Item.bundle == Item.id, Item.pdq.is_not(None), Item.pdq_quality >= self.table.bundling.min_quality
        )
        with self.database.read() as session:
            rows = session.execute(wanted.order_by(Item.id)).all()
        if rows:
            import numpy as np  # not needed by commands that look at no picture

            raw = b"".join(bytes.fromhex(pdq or "") for _, pdq in rows)
            index.add(np.frombuffer(raw, dtype=np.uint8).reshape(len(rows), -1), [number for number, _ in rows])
            index.flush()

    @contextlib.contextmanager
    def work(self) -> Iterator[Work]:
        """A transaction that writes: rows and events together."""
        with self.database.write() as session:
            self._fresh_table(session)
            yield Work(session, self.log(session), self.clock, self.policies)

    @contextlib.contextmanager
    def look(self) -> Iterator[Work]:
        """A transaction that only reads."""
        with self.database.read() as session:
            self._fresh_table(session)
            yield Work(session, self.log(session), self.clock, self.policies)

    @contextlib.contextmanager
    def work_in_steps(self) -> Iterator[Work]:
        """A transaction that its user commits (`work.session.commit()`), as often as they need to."""
        with self.database.write_in_steps() as session:
            self._fresh_table(session)
            yield Work(session, self.log(session), self.clock, self.policies)

    @contextlib.contextmanager
    def taking_in(self) -> Iterator[None]:
        """While originals are in the vault that have no items yet; several may take in at the same time."""
        with locked(self.folder / INTAKE, shared=True):
            yield

    @contextlib.contextmanager
    def nobody_takes_in(self) -> Iterator[None]:
        """While every original in the vault has its item, or belongs to none.

        Raises:
            StateError: an intake is at work.
        """
        with locked(self.folder / INTAKE, wait=False) as alone:
            if not alone:
                raise StateError("An intake is at work.", hint="Wait until it has ended, then try again.")
            yield

    def log(self, session: Session) -> CustodyLog:
        """The custody log inside this session, under the key that it has now."""
        self.keyring.look_again()
        return CustodyLog(
            SqlLeafStore(session),
            self.keyring.log_signer(),
            self.clock,
            sealers=self.keyring.event_sealer,
            software=f"firstlight {__version__} priorities {self.table.sha256[:16]}",
            trusted=self.keyring.retired_verifiers(),
        )

    def checkpoint(self) -> SignedCheckpoint:
        """Sign the custody log as it stands."""
        with self.work() as work:
            return work.log.checkpoint()

    def close(self) -> None:
        """Let go of every file."""
        self._open.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def case_name(case: int) -> str:
    """The name of a case in the custody log, in packages and on screens."""
    return f"case-{case}"


def new_item_key() -> str:
    """A name for the key of one item's original: random, so that it tells nothing."""
    return f"it-{secrets.token_hex(10)}"


def named(actor: str) -> str:
    """The actor, if one is named.

    Raises:
        InputError: nobody is, or the name holds a control character.
    """
    if not actor.strip():
        raise InputError("Nobody is named who does this.", hint="The custody log names an actor for every event.")
    found = first_control(actor)
    if found is not None:
        raise InputError(f"A name holds the control character {found[1]}.", hint="Give it without.")
    return actor


def short(digest: str) -> str:
    """The first digits of a digest: enough to point at an item on a screen, too few to search for it elsewhere."""
    return digest[:8]


def _absolute(folder: Path) -> Path:
    try:
        return folder.expanduser().absolute()
    except RuntimeError as e:
        raise InputError(f"{folder} names the folder of a user who is not there.", hint="Give the whole path.") from e


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as e:
        raise StorageError(
            f"The home folder {path.parent} cannot be read: {e.strerror}.",
            hint="Check its permissions, or name another folder with --home.",
        ) from e


def follow_banks(names: dict[str, None], kind: EventType, payload: Mapping[str, object]) -> None:
    """Keep the names of the banks that there should be, event by event of the custody log."""
    match payload:
        case {"report": {"bank": {"name": str(name)}}} if kind is EventType.BANK_CREATED:
            names[name] = None
        case {"report": {"bank": {"name": str(name)}}} if kind is EventType.BANK_DELETED:
            names.pop(name, None)


def _keyring(folder: Path, database: Database, settings: Settings) -> Keyring:
    """The keys of this home; new ones only as long as nothing was ever sealed with others."""
    if not Keyring.is_in(folder):
        with database.read() as session:
            if SqlLeafStore(session).size() or place.is_claimed(session):
                raise _gone(folder, "the keys to everything in this home") from None
        return Keyring.create(folder, LOG_NAME, provider=vaulting.provider(folder, settings.keys))
    return Keyring.open(folder, provider=vaulting.provider(folder, settings.keys))


def _gone(folder: Path, what: str) -> IntegrityError:
    return IntegrityError(
        f"The folder {folder} is gone; it held {what}.",
        hint="Mount it or restore it from its backup. Nothing was made in its place.",
        code="integrity.home",
    )


def _locked(folder: Path) -> contextlib.AbstractContextManager[bool]:
    """Wait until no other process makes a part of this home; the lock goes with the process that holds it."""
    return locked(folder / "lock")


def _private_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        mode = folder.stat().st_mode
    except OSError as e:
        raise StorageError(
            f"The home folder {folder} cannot be made or read: {e.strerror}.",
            hint="Check its permissions, or name another folder with --home.",
        ) from e
    if mode & 0o077:
        raise StorageError(f"Others may enter the home folder {folder}.", hint=f"Close it first: chmod 700 {folder}")
