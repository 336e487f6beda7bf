"""Commands on exchanges: fetch lists from those that give them, and tell them which entries were right."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from firstlight.banks.exchange import Field
from firstlight.casework import exchanging
from firstlight.casework.exchanging import ExchangeState
from firstlight.cli import output
from firstlight.cli.common import Actor, HomeFolder, Why, opened
from firstlight.errors import FirstlightError, InputError, StorageError
from firstlight.values import BankPurpose, ErrorNote

if TYPE_CHECKING:
    from firstlight.casework.home import Home

app = typer.Typer(no_args_is_help=True, help="Lists that are fetched from an exchange: NCMEC, ThreatExchange, ...")

Name = Annotated[str, typer.Argument(metavar="NAME", show_default=False)]
Kind = Annotated[str, typer.Argument(metavar="KIND", show_default=False, help="See `exchange kinds`.")]
MAX_FILE = 65_536


@app.command()
def kinds(as_json: output.Json = False) -> None:
    """List the kinds of exchanges, and what each asks for."""
    if as_json:
        output.answer(
            [
                {
                    "kind": one.name, "fetches": one.says, "config": [field.shown() for field in one.config],
                    "credentials": None if one.credentials is None else [field.shown() for field in one.credentials],
                }
                for one in exchanging.KINDS.values()
            ]
        )  # fmt: skip
        return
    for one in exchanging.KINDS.values():
        output.say(f"{one.name}: {one.says}")
        _say_fields("set", one.config)
        _say_fields("credential", one.credentials or ())


@app.command()
def add(
    name: Name,
    kind: Kind,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help="A setting of the kind; repeatable.")
    ] = None,
    purpose: Annotated[BankPurpose | None, typer.Option(help="What its bank is for.", show_default=False)] = None,
    owner: Annotated[str, typer.Option(help="Whose list it is.")] = "",
    licence: Annotated[str, typer.Option(help="Under which terms you hold it.")] = "",
    by: Actor = "operator",
    as_json: output.Json = False,
    home: HomeFolder = None,
) -> None:
    """Add an exchange; it fills the bank of its name, which is made. Nothing is fetched yet."""
    fields = exchanging.kind_of(kind).config
    config = _values(set_ or (), fields)
    with opened(home, create=True) as house:
        state = exchanging.create(
            house, name, kind, config, purpose=purpose, actor=by, owner=owner, licence=licence
        )  # fmt: skip
        needed = any(field.required for field in exchanging.KINDS[kind].credentials or ())
        lacking = needed and not exchanging.has_credentials(house, kind)
    _answer(state, as_json)
    if not as_json:
        if lacking:
            output.say(f"Next: firstlight exchange credentials {kind} FILE")
        output.say(f"Fetch it: firstlight exchange fetch {name}")


@app.command()
def credentials(
    kind: Kind,
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="A file of lines FIELD=VALUE; remove it afterwards.", show_default=False),
    ] = None,
    of: Annotated[
        str | None, typer.Option("--for", metavar="NAME", help="For this exchange alone.", show_default=False)
    ] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Take the kept credentials away.")] = False,
    by: Actor = "operator",
    as_json: output.Json = False,
    home: HomeFolder = None,
) -> None:
    """Keep the credentials of a kind of exchange, or of one, sealed with the home's keys; they are never shown."""
    if (file is None) == (not clear):
        raise InputError("Name a file with the credentials, or --clear.", hint="Its lines are like user=NAME.")
    fields = exchanging.kind_of(kind).credentials or ()
    values = None if file is None else _values(_lines(file), fields)
    with opened(home, create=True) as house:
        exchanging.keep_credentials(house, kind, values, of=of, actor=by)
        kept = exchanging.has_credentials(house, kind, of=of)
    if as_json:
        output.answer({"kind": kind, "kept": kept})
    elif kept:
        output.say(f"The credentials of {kind} are kept, sealed. Remove the file {file.name if file else ''} now.")
    else:
        output.say(f"No credentials of {kind} are kept any more.")


@app.command()
def fetch(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME...]", show_default=False)] = None,
    by: Actor = "operator",
    as_json: output.Json = False,
    home: HomeFolder = None,
) -> int:
    """Fetch what is new: of the exchanges named, or of all that are enabled. New entries match at once.

    Ends with 3 when one could not be fetched to its end; what came before is kept, and the next fetch goes on there.
    Of several, one that cannot be fetched keeps none of the others.
    """
    with opened(home) as house:
        there = [exchanging.show(house, name) for name in names or exchanging.names(house)]
        wanted = [one.name for one in there if names or one.enabled]
        states = [_fetched(house, name, by, alone=len(wanted) == 1) for name in wanted]
    if as_json:
        output.answer([one.model_dump(mode="json") for one in states])
    else:
        for one in states:
            _say_fetched(one)
        if not states:
            output.say("There is no exchange to fetch. Add one: firstlight exchange add NAME KIND --set ...")
    return output.DONE if all(one.last_succeeded for one in states) else output.OUR_FAULT


@app.command()
def status(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME...]", show_default=False)] = None,
    as_json: output.Json = False,
    home: HomeFolder = None,
) -> int:
    """Show how exchanges stand. Ends with 1 when an enabled one was not fetched to its end within a day."""
    with opened(home) as house:
        states = [exchanging.show(house, name) for name in names or exchanging.names(house)]
        late = [one for one in states if exchanging.overdue(one, house.clock.now())]
    if as_json:
        output.answer([one.model_dump(mode="json") for one in states])
    else:
        for one in states:
            _say_state(one, late=one in late)
        if not states:
            output.say("There are no exchanges. Add one: firstlight exchange add NAME KIND --set ...")
    return output.FINDING if late else output.DONE


@app.command()
def enable(name: Name, by: Actor = "operator", as_json: output.Json = False, home: HomeFolder = None) -> None:
    """Let an exchange be fetched again."""
    with opened(home) as house:
        _answer(exchanging.switch(house, name, True, actor=by), as_json)


@app.command()
def disable(name: Name, by: Actor = "operator", as_json: output.Json = False, home: HomeFolder = None) -> None:
    """Fetch an exchange no more. What was fetched goes on matching; for that, disable its bank."""
    with opened(home) as house:
        _answer(exchanging.switch(house, name, False, actor=by), as_json)


@app.command()
def send(name: Name, by: Actor = "operator", as_json: output.Json = False, home: HomeFolder = None) -> int:
    """Tell the exchange which entries this house confirmed or denied; each is told once."""
    with opened(home) as house:
        report = exchanging.send(house, name, actor=by)
    if as_json:
        output.answer(report)
    else:
        output.say(f"{output.count(len(report.sent), 'opinion')} sent, {report.waiting} not.")
        if report.error:
            output.say(f"  {report.error.message} {report.error.hint}".rstrip())
    return output.OUR_FAULT if report.error else output.DONE


@app.command()
def remove(
    name: Name,
    why: Why,
    keep_bank: Annotated[bool, typer.Option("--keep-bank", help="Keep what was fetched; it goes on matching.")] = False,
    by: Actor = "operator",
    as_json: output.Json = False,
    home: HomeFolder = None,
) -> None:
    """Forget an exchange, and delete its bank with all that was fetched."""
    with opened(home) as house:
        exchanging.remove(house, name, why=why, with_bank=not keep_bank, actor=by)
    if as_json:
        output.answer({"removed": name, "bank_kept": keep_bank})
    else:
        output.say(f"Exchange {name} is removed; its bank is {'kept' if keep_bank else 'deleted'}.")


def _values(pairs: Iterable[str], fields: Iterable[Field]) -> dict[str, Any]:
    known = {field.name: field for field in fields}
    values: dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        name = name.strip()
        if not equals or name not in known:
            raise InputError(f"{name!r} is no field of this kind.", hint=f"There are {', '.join(known) or 'none'}.")
        values[name] = known[name].from_text(text.strip())
    return values


def _lines(file: Path) -> list[str]:
    try:
        if file.stat().st_size > MAX_FILE:
            raise InputError(f"{file.name} is too large for credentials.", hint="Its lines are like user=NAME.")
        lines = file.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError as e:
        raise InputError(f"There is no file {file.name}.", hint="Its lines are like user=NAME.") from e
    except UnicodeDecodeError as e:
        raise InputError(f"{file.name} is no text.", hint="Its lines are like user=NAME.") from e
    except OSError as e:
        raise StorageError(f"{file.name} cannot be read: {e.strerror}.", hint="Check its permissions.") from e
    return [line for line in lines if line.strip() and not line.startswith("#")]


def _answer(state: ExchangeState, as_json: bool) -> None:
    if as_json:
        output.answer(state)
    else:
        _say_state(state)


def _say_state(one: ExchangeState, *, late: bool = False) -> None:
    stand = "enabled" if one.enabled else "disabled"
    output.say(f"{one.name}: {one.api}, {stand}, {output.count(one.entries, 'entry', 'entries')}")
    for key, value in one.config.items():
        if value not in (None, "", [], {}):
            output.say(output.one_line(f"  {key}: {value if isinstance(value, str) else json.dumps(value)}"))
    if one.fetch_began:
        output.say(f"  being fetched since {one.fetch_began:%Y-%m-%d %H:%M} UTC")
    if one.last_fetch is None:
        output.say("  never fetched")
        return
    how = "reached the end" if one.up_to_date else "DID NOT REACH THE END"
    output.say(f"  last fetch {one.last_fetch:%Y-%m-%d %H:%M} UTC {how}")
    if one.checkpoint_at:
        output.say(f"  everything up to {one.checkpoint_at:%Y-%m-%d %H:%M:%S} UTC was fetched")
    if one.last_error:
        output.say(output.one_line(f"  {one.last_error.message} {one.last_error.hint}".rstrip()))
    if late:
        output.say(f"  NOT FETCHED FOR A DAY, or not to its end: firstlight exchange fetch {one.name}")


def _fetched(house: Home, name: str, by: str, *, alone: bool) -> ExchangeState:
    """How an exchange stands after it was fetched, or with why it could not be; `alone` that is the command's error."""
    try:
        return exchanging.fetch(house, name, actor=by)
    except FirstlightError as e:
        if alone:
            raise
        found = e.diagnostics()
        why = ErrorNote(code=found.code, message=found.message, hint=found.hint)
        changes = {"last_succeeded": False, "last_error": why, "fetched": {}}
        return exchanging.show(house, name).model_copy(update=changes)


def _say_fetched(one: ExchangeState) -> None:
    told = Counter(one.fetched)
    output.say(
        f"{one.name}: {told['came']} records came: {told['added']} added, {told['updated']} updated, "
        f"{told['unchanged'] + told['repeated']} known already, {told['withdrawn'] + told['dropped']} withdrawn, "
        f"{told['skipped']} skipped; the bank holds {output.count(one.entries, 'entry', 'entries')}."
    )
    if one.last_error:
        output.say(output.one_line(f"  NOT TO ITS END: {one.last_error.message} {one.last_error.hint}".rstrip()))


def _say_fields(what: str, fields: Iterable[Field]) -> None:
    for field in fields:
        need = "needed" if field.required else f"else {json.dumps(field.default)}"
        output.say(f"  {what} {field.name}: {field.help} ({need})")
