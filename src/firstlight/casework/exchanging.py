"""Exchanges as an operator uses them: each fills the bank of its name from a host that was configured, and no other.

What an exchange is, how far it was fetched and what was sent back lie in the home's database; credentials belong to a
kind of exchange and lie sealed. Records are taken first and the checkpoint is kept after them, page by page: a fetch
that is stopped at any moment goes on where it was.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import Field
from sqlalchemy import select

from firstlight.banks import Standing
from firstlight.banks.exchange import Access, Exchange, Opinion, checked
from firstlight.banks.exchanges import KINDS as KINDS
from firstlight.banks.exchanges import kind_of as kind_of
from firstlight.casework.home import SERVICE, Home, named
from firstlight.custody import EventType
from firstlight.errors import FirstlightError, InputError, IntegrityError, NotFoundError, StateError
from firstlight.index.disk import FOLDER_MODE, locked
from firstlight.store.tables import Setting
from firstlight.values import BankPurpose, Document, ErrorNote, Instant, Versioned, checked_name

FOLDER: Final = "exchanges"
PURPOSE: Final = "exchange credentials"
_STATE, _SECRET = "exchange ", "exchange-credentials "
_COUNTS: Final = ("came", "added", "updated", "unchanged", "repeated", "withdrawn", "dropped", "flawed", "skipped")


class ExchangeState(Document):
    """An exchange as it stands: what it is, how far it was fetched, and how the last fetch went. No credentials."""

    title_for_people: ClassVar[str] = "exchange"

    kind: Literal["exchange"] = "exchange"
    version: Versioned = 1
    name: str = Field(description="also of the bank that it fills")
    api: str = Field(description="the kind of exchange")
    config: dict[str, Any]
    enabled: bool = True
    checkpoint: dict[str, Any] | None = None
    checkpoint_at: Instant | None = Field(default=None, description="everything up to this time was fetched")
    fetch_began: Instant | None = Field(default=None, description="of the fetch that runs now")
    last_fetch: Instant | None = Field(default=None, description="when the last one ended")
    last_succeeded: bool | None = None
    last_error: ErrorNote | None = None
    up_to_date: bool = Field(default=False, description="the last fetch reached the end of what there was")
    fetched: dict[str, int] = Field(default_factory=dict, description="what became of the records of the last fetch")
    entries: Annotated[int, Field(ge=0, description="active entries of the bank")] = 0
    told: dict[str, str] = Field(default_factory=dict, description="opinions that were sent, by key of the entry")


class SendReport(Document):
    """Opinions of this house were sent to an exchange."""

    title_for_people: ClassVar[str] = "report on opinions"

    kind: Literal["send-report"] = "send-report"
    version: Versioned = 1
    exchange: str
    sent: tuple[str, ...] = Field(description="keys of entries")
    waiting: int = Field(description="confirmed or denied, and not told yet")
    error: ErrorNote | None = None


def create(
    home: Home,
    name: str,
    api: str,
    config: Mapping[str, Any],
    *,
    purpose: BankPurpose | None = None,
    enabled: bool = True,
    actor: str = SERVICE,
    **bank: Any,  # noqa: ANN401 - as the library's settings of a bank
) -> ExchangeState:
    """Make an exchange, and the bank of its name unless it is there. Nothing is fetched yet.

    Raises:
        InputError: there is no such kind, or a value of the configuration is missing or wrong.
        StateError: there is an exchange of this name.
    """
    named(actor)
    kind, name = kind_of(api), checked_name(name, "name of an exchange")
    values = checked(kind.config, config, f"setting of a {api} exchange")
    for key in ("environment", "base_url", "url"):
        if values.get(key):
            _checked_address(values[key])
    if _read(home, name) is not None:
        raise StateError(f"There is an exchange {name!r} already.", hint="Choose another name, or remove it first.")
    if name not in {one.name for one in home.library.banks()}:
        from firstlight.casework import banking

        meant = purpose or (BankPurpose.NCII if api == "stop_ncii" else BankPurpose.KNOWN)
        banking.create_bank(home, name, meant, actor=actor, **bank)
    state = ExchangeState(name=name, api=api, config=values, enabled=enabled)
    _keep(home, state, actor=actor, act="created")
    return show(home, name)


def names(home: Home) -> tuple[str, ...]:
    """The names of all exchanges, sorted."""
    with home.look() as work:
        wanted = select(Setting.name).where(Setting.name.startswith(_STATE, autoescape=True)).order_by(Setting.name)
        return tuple(one.removeprefix(_STATE) for one in work.session.scalars(wanted))


def show(home: Home, name: str) -> ExchangeState:
    """One exchange.

    Raises:
        NotFoundError: there is none of this name.
    """
    state = _state(home, name)
    try:
        entries = home.library.bank(name).entries
    except NotFoundError:
        entries = 0
    began = state.fetch_began
    if began is not None:  # else nothing is to be asked, and a fetch that begins right now does not find it held
        with _running(home, name) as free:
            began = None if free else began
    return state.model_copy(update={"entries": entries, "fetch_began": began})


def switch(home: Home, name: str, enabled: bool, *, actor: str = SERVICE) -> ExchangeState:
    """Let an exchange be fetched, or not. What was fetched goes on matching; for that, disable its bank."""
    named(actor)
    state = _state(home, name).model_copy(update={"enabled": enabled})
    _keep(home, state, actor=actor, act="enabled" if enabled else "disabled")
    return show(home, name)


def remove(home: Home, name: str, *, why: str, with_bank: bool = True, actor: str = SERVICE) -> None:
    """Forget an exchange; with it, unless that is not wanted, its bank and all that was fetched.

    Raises:
        NotFoundError: there is none of this name.
        InputError: no reason is given.
        StateError: it is being fetched.
    """
    named(actor)
    if not why.strip():
        raise InputError("A reason is needed for this.", hint="Say in a few words why.")
    state = _state(home, name)
    with _running(home, name) as free:
        if not free:
            raise StateError(f"The exchange {name!r} is being fetched.", hint="Wait for the end of it.")
        if with_bank and name in {one.name for one in home.library.banks()}:
            from firstlight.casework import banking

            banking.delete_bank(home, name, why=why, actor=actor)
        with home.work() as work:
            for place in (_STATE + name, _place(state.api, name)):
                row = work.session.get(Setting, place)
                if row is not None:
                    work.session.delete(row)
            work.record(EventType.CONFIG_CHANGE, actor=actor, exchange=name, api=state.api, act="removed", why=why)


def keep_credentials(
    home: Home, api: str, values: Mapping[str, Any] | None, *, of: str | None = None, actor: str = SERVICE
) -> None:
    """Seal the credentials of a kind of exchange, or `of` one exchange alone; none takes them away. They are never
    shown again, and never sent to another host than that of an exchange they belong to.

    Raises:
        InputError: the kind takes none, one is missing or wrong, or the kind wants them for each exchange.
        NotFoundError: there is no exchange of this kind and name.
    """
    named(actor)
    kind = kind_of(api)
    if kind.credentials is None:
        raise InputError(f"A {api} exchange takes no credentials.")
    if of is None and not kind.shares_credentials and values is not None:
        raise InputError(f"Each {api} exchange has credentials of its own.", hint="Name the exchange they are for.")
    if of is not None and _state(home, of).api != api:
        raise NotFoundError(f"There is no {api} exchange {of!r}.", hint="List them: firstlight exchange status")
    place = _place(api, of)
    with home.work() as work:
        if values is None:
            row = work.session.get(Setting, place)
            if row is not None:
                work.session.delete(row)
        else:
            kept = checked(kind.credentials, values, f"credential of a {api} exchange")
            if kept.get("base_url_override"):
                _checked_address(kept["base_url_override"])
            sealed = home.keyring.sealer(PURPOSE).seal(json.dumps(kept).encode(), place.encode())
            work.session.merge(Setting(name=place, value=sealed.hex()))
        act = "credentials cleared" if values is None else "credentials kept"
        work.record(EventType.CONFIG_CHANGE, actor=actor, api=api, exchange=of, act=act)


def has_credentials(home: Home, api: str, *, of: str | None = None) -> bool:
    """Whether credentials of a kind, or of one exchange, are kept."""
    with home.look() as work:
        return work.session.get(Setting, _place(api, of)) is not None


def _place(api: str, of: str | None) -> str:
    return f"{_SECRET}{api}" if of is None else f"{_SECRET}{api} {of}"


def fetch(home: Home, name: str, *, actor: str = SERVICE) -> ExchangeState:
    """Fetch what is new, to the end of what there is now. Entries match as soon as their page is taken.

    A fetch that fails keeps what came before, and the state says why; the next one goes on from there.

    Raises:
        NotFoundError: there is no such exchange.
        StateError: it is disabled, is being fetched already, or lacks credentials.
    """
    named(actor)
    state = _state(home, name)
    if not state.enabled:
        raise StateError(f"The exchange {name!r} is disabled.", hint=f"firstlight exchange enable {name}")
    kind = kind_of(state.api)
    access = _access(home, kind, state)
    with _running(home, name) as free:
        if not free:
            raise StateError(f"The exchange {name!r} is being fetched already.", hint="Wait for the end of it.")
        return _fetched(home, _state(home, name), kind, access, actor)


def send(home: Home, name: str, *, actor: str = SERVICE) -> SendReport:
    """Tell the exchange which entries this house confirmed or denied, each once.

    Raises:
        NotFoundError: there is no such exchange.
        InputError: the exchange takes no opinions.
        StateError: it lacks credentials.
    """
    named(actor)
    state = _state(home, name)
    kind = kind_of(state.api)
    if not kind.takes_opinions:
        raise InputError(f"A {state.api} exchange takes no opinions.", hint="Tell the list's owner in another way.")
    access = _access(home, kind, state)
    opinions = list(_opinions(home, state))
    told, error = dict(state.told), None
    meant = {one.entry.key: "confirmed" if one.right else "denied" for one in opinions}
    sent: list[str] = []
    try:
        for key in kind.send(access, opinions):
            told[key] = meant[key]
            sent.append(key)
            _note_down(home, name, told=dict(told))
    except FirstlightError as e:
        error = _note(e)
    report = SendReport(exchange=name, sent=tuple(sent), waiting=len(opinions) - len(sent), error=error)
    if opinions:
        with home.work() as work:
            work.record(EventType.CONFIG_CHANGE, actor=actor, exchange=name, report=report.model_dump(mode="json"))
    return report


def _fetched(home: Home, state: ExchangeState, kind: Exchange, access: Access, actor: str) -> ExchangeState:
    counts: Counter[str] = Counter()
    error: ErrorNote | None = None
    done, name = False, state.name
    before = home.library.bank(name).revision
    state = _note_down(home, name, fetch_began=access.now, up_to_date=False)
    try:
        for page in kind.pages(access, state.checkpoint):
            report = home.library.take(name, page.items, complete=page.complete)
            counts.update({field: getattr(report, field) for field in _COUNTS})
            done, mark = page.done, dict(page.checkpoint)
            state = _note_down(home, name, checkpoint=mark, checkpoint_at=kind.up_to(mark))
            if not state.enabled:
                raise StateError(f"The exchange {name!r} was disabled while it was fetched.")
    except FirstlightError as e:
        error = _note(e)
    state = _note_down(
        home, name, fetch_began=None, last_fetch=home.clock.now(), last_succeeded=error is None, last_error=error,
        up_to_date=error is None and done, fetched={field: counts[field] for field in _COUNTS},
    )  # fmt: skip
    now = home.library.bank(name)
    if now.revision != before or error is not None:
        with home.work() as work:
            work.record(
                EventType.BANK_CHANGED, actor=actor, exchange=name, api=state.api, fetched=dict(state.fetched),
                revision_before=before, revision=now.revision, error=error.model_dump(mode="json") if error else None,
            )  # fmt: skip
    return state.model_copy(update={"entries": now.entries})


def _opinions(home: Home, state: ExchangeState) -> Iterator[Opinion]:
    stands = {Standing.CONFIRMED: True, Standing.DENIED: False}
    for entry in home.library.entries(state.name):
        if entry.standing in stands and state.told.get(entry.key) != entry.standing.value:
            yield Opinion(entry, stands[entry.standing], entry.reason)


def _access(home: Home, kind: Exchange, state: ExchangeState) -> Access:
    shown: dict[str, Any] = {}
    if kind.credentials is not None:
        kept = _credentials(home, _place(kind.name, state.name))
        if kept is None and kind.shares_credentials:
            kept = _credentials(home, _place(kind.name, None))
        if kept is None and any(field.required for field in kind.credentials):
            raise StateError(
                f"This home keeps no credentials for {kind.name}.",
                hint=f"Keep them first: firstlight exchange credentials {kind.name} FILE",
            )
        shown = checked(kind.credentials, kept or {}, "credential")
    return Access(checked(kind.config, state.config, "setting"), shown, home.clock.now())


def _credentials(home: Home, place: str) -> dict[str, Any] | None:
    with home.look() as work:
        row = work.session.get(Setting, place)
        sealed = None if row is None else bytes.fromhex(row.value)
    if sealed is None:
        return None
    try:
        kept: dict[str, Any] = json.loads(home.keyring.sealer(PURPOSE).unseal(sealed, place.encode()))
    except (IntegrityError, ValueError) as e:
        raise IntegrityError(
            "Credentials of an exchange do not open with this home's keys.", hint="Keep them anew."
        ) from e
    return kept


def _state(home: Home, name: str) -> ExchangeState:
    state = _read(home, name)
    if state is None:
        raise NotFoundError(f"There is no exchange {name!r}.", hint="List them: firstlight exchange status")
    return state


def _read(home: Home, name: str) -> ExchangeState | None:
    with home.look() as work:
        row = work.session.get(Setting, _STATE + name)
        return None if row is None else ExchangeState.from_json(row.value)


def _keep(home: Home, state: ExchangeState, *, actor: str, act: str) -> None:
    with home.work() as work:
        work.session.merge(Setting(name=_STATE + state.name, value=state.to_json().decode()))
        work.record(
            EventType.CONFIG_CHANGE, actor=actor, exchange=state.name, api=state.api, act=act, config=state.config
        )  # fmt: skip


def _note_down(home: Home, name: str, **changes: Any) -> ExchangeState:  # noqa: ANN401 - fields of the state
    """Change some fields of the state as it is now: others may have changed other fields meanwhile."""
    with home.work() as work:
        row = work.session.get(Setting, _STATE + name)
        if row is None:
            raise NotFoundError(f"The exchange {name!r} was removed.", hint="Add it again.")
        state = ExchangeState.from_json(row.value).model_copy(update=changes)
        row.value = state.to_json().decode()
        return state


def _running(home: Home, name: str) -> Any:  # noqa: ANN401 - a context of `locked`
    """Holds the exchange for one fetch; yields whether nobody else does."""
    folder = home.folder / FOLDER
    folder.mkdir(mode=FOLDER_MODE, exist_ok=True)
    return locked(folder / f"{name}.lock", wait=False)


def _checked_address(url: str) -> None:
    from firstlight.banks.exchanges.transport import checked_base

    checked_base(url)


def _note(error: FirstlightError) -> ErrorNote:
    found = error.diagnostics()
    return ErrorNote(code=found.code, message=found.message, hint=found.hint)


def overdue(state: ExchangeState, now: datetime) -> bool:
    """Whether an enabled exchange was not fetched to its end for a day."""
    return state.enabled and (state.last_fetch is None or (now - state.last_fetch).days >= 1 or not state.up_to_date)
