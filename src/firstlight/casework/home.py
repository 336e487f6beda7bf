"""The home: one folder that holds everything an operator has to keep, and the one door to it.

settings.toml           who runs this home (plain text, for the operator to edit)
firstlight.sqlite3      items, cases, decisions, filings, the custody log
keys/                   the keyring; back it up apart from the rest
vault/                  originals, encrypted
banks/                  hash lists, sealed
bundles/                one PDQ hash a bundle, for live bundling
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from sqlalchemy.orm import Session

from firstlight import __version__
from firstlight.banks import Library
from firstlight.casework import settings as settings_file
from firstlight.casework.ledger import SqlLeafStore
from firstlight.casework.settings import Settings
from firstlight.clock import Clock, SystemClock
from firstlight.custody import CustodyLog, Event, EventType, Keyring, SignedCheckpoint, Vault
from firstlight.errors import NotFoundError, StorageError
from firstlight.index import HammingIndex
from firstlight.store import Database
from firstlight.triage import PriorityTable
from firstlight.values import Sha256Hex

DATABASE = "firstlight.sqlite3"
LOG_NAME = "firstlight.invalid/custody"  # a name, never an address: the domain "invalid" cannot exist
SERVICE = "service"  # the actor of what the program does by itself


@dataclass(frozen=True, slots=True)
class Work:
    """One transaction: a session and the custody log inside it. Rows and events commit together or not at all."""

    session: Session
    log: CustodyLog
    clock: Clock

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
        self, kind: EventType, actor: str, case: int | None, subject: Sha256Hex | None, payload: dict[str, object]
    ) -> Event:
        """An event of now, to be written together with others by `log.append_many`."""
        return Event.model_validate(
            {
                "type": kind,
                "at": self.clock.now(),
                "actor": actor,
                "case": None if case is None else case_name(case),
                "subject": subject,
                "payload": payload,
            }
        )


class Home:
    """An open home. Close it, or use it as a context manager."""

    def __init__(self, folder: Path, *, clock: Clock, settings: Settings, database: Database, keyring: Keyring) -> None:
        self.folder = folder
        self.clock = clock
        self.settings = settings
        self.database = database
        self.keyring = keyring
        self.table = PriorityTable.load()
        self._open: contextlib.ExitStack = contextlib.ExitStack()
        self._open.callback(database.close)
        self._vault: Vault | None = None
        self._library: Library | None = None
        self._bundles: HammingIndex | None = None

    @classmethod
    def open(cls, folder: Path, *, clock: Clock | None = None, create: bool = True) -> Home:
        """Open the home in this folder; made, with new keys, when nothing is there and `create` allows it.

        Raises:
            NotFoundError: nothing is there and `create` is off.
            StorageError: the folder cannot be used, or others may enter it.
            IntegrityError: its database or keyring is damaged.
        """
        clock = clock or SystemClock()
        folder = folder.expanduser().absolute()
        if not (folder / DATABASE).exists() and not create:
            raise NotFoundError(
                f"There is no Firstlight home in {folder}.",
                hint="Name another folder with --home, or begin with `firstlight bank create` or `firstlight intake`.",
            )
        _private_folder(folder)
        settings = settings_file.load(folder)
        database = Database.at(folder / DATABASE)
        try:
            keys = folder / "keys"
            try:
                keyring = Keyring.open(keys)
            except NotFoundError:
                keyring = Keyring.create(keys, LOG_NAME)
            return cls(folder, clock=clock, settings=settings, database=database, keyring=keyring)
        except BaseException:
            database.close()
            raise

    @property
    def vault(self) -> Vault:
        """The originals."""
        if self._vault is None:
            self._vault = Vault(self.folder / "vault", self.keyring)
        return self._vault

    @property
    def library(self) -> Library:
        """The banks."""
        if self._library is None:
            folder, sealer = self.folder / "banks", self.keyring.sealer("banks")
            try:
                self._library = Library.open(folder, sealer=sealer, clock=self.clock)
            except NotFoundError:
                self._library = Library.create(folder, sealer=sealer, clock=self.clock)
            self._open.callback(self._library.close)
        return self._library

    @property
    def bundles(self) -> HammingIndex:
        """One PDQ hash a bundle, under the number of the bundle's first item."""
        if self._bundles is None:
            folder = self.folder / "bundles"
            self._bundles = HammingIndex.open(folder) if folder.exists() else HammingIndex.create(folder)
            self._open.callback(self._bundles.close)
        return self._bundles

    @contextlib.contextmanager
    def work(self) -> Iterator[Work]:
        """A transaction that writes: rows and events together."""
        with self.database.write() as session:
            yield Work(session, self.log(session), self.clock)

    @contextlib.contextmanager
    def look(self) -> Iterator[Work]:
        """A transaction that only reads."""
        with self.database.read() as session:
            yield Work(session, self.log(session), self.clock)

    @contextlib.contextmanager
    def work_in_steps(self) -> Iterator[Work]:
        """A transaction that its user commits (`work.session.commit()`), as often as they need to."""
        with self.database.write_in_steps() as session:
            yield Work(session, self.log(session), self.clock)

    def log(self, session: Session) -> CustodyLog:
        """The custody log inside this session."""
        return CustodyLog(
            SqlLeafStore(session),
            self.keyring.log_signer(),
            self.clock,
            sealers=self.keyring.event_sealer,
            software=f"firstlight {__version__} priorities {self.table.sha256[:16]}",
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


def short(digest: str) -> str:
    """The first digits of a digest: enough to point at an item on a screen, too few to search for it elsewhere."""
    return digest[:8]


def _private_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        mode = folder.stat().st_mode
    except OSError as e:
        raise StorageError(
            f"The home folder {folder} cannot be made or read: {e.strerror}.",
            hint="Check its permissions, or name another folder with --home.",
        ) from e
    if not folder.is_dir():
        raise StorageError(f"{folder} is no folder.", hint="Name another one with --home.")
    if mode & 0o077:
        raise StorageError(f"Others may enter the home folder {folder}.", hint=f"Close it first: chmod 700 {folder}")
