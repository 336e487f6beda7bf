"""Commands on the ranking: `triage explain`, `status`, `lower`, `raise`, `limits`, `diff`, `table`, `simulate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from firstlight.casework import lowering, outlook, ranking
from firstlight.casework.examine import PRELOAD
from firstlight.cli import limits, output
from firstlight.cli.common import By, HomeFolder, Why, caged, opened, opened_if_there
from firstlight.errors import InputError, StorageError
from firstlight.triage import Context, PriorityTable, TableDiff, explain

if TYPE_CHECKING:
    from firstlight.triage.simulate import Scenario

app = typer.Typer(no_args_is_help=True, help="The ranking: explain a place, try and replace the table, simulate.")
table_app = typer.Typer(no_args_is_help=True, help="The priority table of this home: levels, weights and words.")
app.add_typer(table_app, name="table")
app.add_typer(limits.app, name="limits")

Limit = Annotated[int, typer.Option(min=1, help="How many moves to print.")]
MOST_SEEDS = 100
"""A run of all scenarios takes some ten seconds a seed; a thousand would be a slip of the finger."""


@app.command("explain")
def explain_(
    number: Annotated[int | None, typer.Argument(metavar="[ITEM]", min=1, show_default=False)] = None,
    file: Annotated[
        Path | None, typer.Option("--file", metavar="PATH", help="A picture that was not taken in; it is not kept.")
    ] = None,
    fact: Annotated[
        list[str] | None, typer.Option(metavar="FACT", help="With --file: a context fact, such as live; repeatable.")
    ] = None,
    as_json: output.Json = False,
    home: HomeFolder = None,
) -> None:
    """Print why an item stands where it stands: every row of the table that spoke, with its numbers and its grounds.

    The numbers of items are those of `firstlight case show`.
    """
    if file is not None and number is None:
        context = Context.stated(fact or [])
        with caged(PRELOAD) as cage, opened_if_there(home) as there:
            priority = ranking.priority_of_file(there, cage, file, context)
    elif number is not None and file is None:
        if fact:
            raise InputError("The facts of an item were given at its intake.", hint="Leave --fact out.")
        with opened(home) as house:
            priority = ranking.priority_of(house, number)
    else:
        raise InputError("Name one item, or one file with --file.", hint="firstlight triage explain --help")
    if as_json:
        output.answer(priority)
    else:
        output.say(explain(priority))


@app.command()
def lower(
    number: Annotated[int, typer.Argument(metavar="ITEM", min=1, show_default=False)],
    by: By,
    why: Why,
    as_json: output.Json = False,
    home: HomeFolder = None,
) -> None:
    """Lower an item by one step, with your name: the one way down.

    It needs an authority's record of exactly these bytes, or two independent kinds of evidence that no uploader can
    forge, and nothing to the contrary. The item stays in the queue. A share of what was lowered is looked at again.
    """
    with opened(home) as house:
        told = lowering.lower(house, number, actor=by, says=why)
    _say_lowered(told, as_json=as_json)


@app.command("raise")
def raise_(
    number: Annotated[int, typer.Argument(metavar="ITEM", min=1, show_default=False)],
    by: By,
    why: Why,
    as_json: output.Json = False,
    home: HomeFolder = None,
) -> None:
    """Take a lowering back: the item stands where it stood before."""
    with opened(home) as house:
        told = lowering.take_back(house, number, actor=by, why=why)
    _say_lowered(told, as_json=as_json)


def _say_lowered(told: lowering.Lowered, *, as_json: bool) -> None:
    if as_json:
        output.answer(told)
        return
    items = ", ".join(map(str, told.items))
    output.say(f"Case {told.case}, {'item' if len(told.items) == 1 else 'items'} {items}: {told.says}")


@app.command()
def status(
    reviewers: Annotated[int, typer.Option(min=0, help="How many people review.")] = 1,
    per_hour: Annotated[float, typer.Option(help="How many cases each of them reviews in an hour.")] = 12.0,
    as_json: output.Json = False,
    home: HomeFolder = None,
) -> None:
    """Print what waits, what the random audit says hides in it, and what would clear it.

    Arrivals are those of the last day; the speed of the reviewers is what you say.
    """
    with opened(home) as house:
        found = outlook.outlook(house, reviewers=reviewers, reviews_each_per_hour=per_hour)
    if as_json:
        output.answer(found)
        return
    for level in found.levels:
        late = f", {level.overdue} past the deadline" if level.overdue else ""
        output.say(f"{level.level.value}: {output.count(level.waiting, 'case')}{late}")
    if found.unexamined:
        output.say(f"not examined yet: {output.count(found.unexamined, 'item')}")
    for says in (found.audit.says, found.lowered.says, found.forecast.says, found.longest_wait_says):
        output.say(f"\n{says}")


@app.command()
def diff(
    old: Annotated[str, typer.Argument(metavar="OLD", show_default=False)],
    new: Annotated[str, typer.Argument(metavar="NEW", show_default=False)],
    limit: Limit = 20,
    as_json: output.Json = False,
    home: HomeFolder = None,
) -> None:
    """Compare two priority tables, and say which open cases would move. Nothing is changed.

    OLD and NEW are files, or the words `current` (in force in this home) and `shipped` (comes with Firstlight).
    """
    with opened(home) as house:
        told = ranking.try_table(house, ranking.read_table(house, old)[0], ranking.read_table(house, new)[0])
    if as_json:
        output.answer(told)
    else:
        _say_diff(told, limit)


@table_app.command()
def show(as_json: output.Json = False, home: HomeFolder = None) -> None:
    """Print the table in force, as the file that it is: a start for one of your own."""
    with opened_if_there(home) as there:
        table, text = ranking.read_table(there, ranking.CURRENT)
    if as_json:
        output.answer(table.model_dump(mode="json"))
    else:
        output.write(text.decode())


@table_app.command()
def replace(
    new: Annotated[str, typer.Argument(metavar="TABLE", show_default=False)],
    by: By,
    limit: Limit = 20,
    as_json: output.Json = False,
    home: HomeFolder = None,
) -> None:
    """Put a table in force, and every open case in its new place. See first what moves: `firstlight triage diff`.

    TABLE is a file, or the word `shipped`. The change stands in the custody log with the name of who made it.
    """
    with opened(home) as house:
        table, text = ranking.read_table(house, new)
        told = ranking.replace_table(house, table, text, actor=by)
    if as_json:
        output.answer(told)
    else:
        output.say(f"The table {table.version} is in force, sha256 {table.sha256}.")
        _say_diff(told, limit)


@app.command()
def simulate(
    scenarios: Annotated[list[str] | None, typer.Argument(metavar="[SCENARIO...]", show_default=False)] = None,
    seeds: Annotated[int, typer.Option(min=1, max=MOST_SEEDS, help="How many worlds to draw of each.")] = 4,
    table: Annotated[
        str, typer.Option(metavar="TABLE", help="A table's file, or `current`, or `shipped`.")
    ] = "current",
    svg: Annotated[Path | None, typer.Option(metavar="FILE", help="Also draw the waits into this file.")] = None,
    sensitivity: Annotated[
        bool, typer.Option("--sensitivity", help="Vary one assumed rate at a time instead; say where ours is not best.")
    ] = False,
    as_json: output.Json = False,
    home: HomeFolder = None,
) -> None:
    """Let a smokescreen loose on a model of the queue, and print how long urgent items wait under each policy.

    SCENARIO is the name of a shipped one or the path of a TOML file; all shipped ones unless named. It is a model:
    most of its rates are assumed, and each says so in its file. With --sensitivity it prints what the result hangs on.
    """
    from firstlight.triage import simulate as model  # it brings numpy, which the other commands do without

    with opened_if_there(home) as there:
        rules = ranking.read_table(there, table)[0]
    if sensitivity:
        _say_sensitivity(rules, scenarios or [], range(seeds), as_json=as_json)
        return
    wanted = [_scenario(name) for name in scenarios or model.scenario_names()]
    with output.progress("simulating", len(wanted) + 1, quiet=as_json) as advance:
        report = model.simulate(wanted, rules, seeds=range(seeds), progress=lambda _name: advance())
    if svg is not None:
        _write(svg, model.as_svg(report))
    if as_json:
        output.answer(report)
    else:
        output.say(model.as_table(report))


def _say_sensitivity(table: PriorityTable, names: list[str], seeds: range, *, as_json: bool) -> None:
    from firstlight.triage import simulate as model

    varied = list(dict.fromkeys(name for name, _, _ in model.SWEEPS))
    strange = [name for name in names if name not in varied]
    if strange:
        raise InputError(f"No rate of {strange[0]} is varied.", hint=f"Rates are varied of: {', '.join(varied)}.")
    sweeps = [sweep for sweep in model.SWEEPS if not names or sweep[0] in names]
    with output.progress("simulating", sum(len(values) for _, _, values in sweeps), quiet=as_json) as advance:
        runs = model.sensitivity(table, sweeps, seeds=seeds, progress=lambda _name: advance())
    if as_json:
        output.answer([run.model_dump(mode="json") | {"says": run.says} for run in runs])
    else:
        output.say(model.sensitivity_table(runs))


def _scenario(name: str) -> Scenario:
    from firstlight.triage.simulate import load_scenario

    return load_scenario(Path(name) if name.endswith(".toml") else name)


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as e:
        raise StorageError(f"{path} cannot be written: {e.strerror}.", hint="Name another file.") from e


def _say_diff(told: TableDiff, limit: int) -> None:
    output.say(told.says)
    for change in told.changes:
        output.say(f"  {change.where}: {_word(change.before)} -> {_word(change.after)}")
    for move in told.moves[:limit]:
        output.say(f"  case {move.says}")
    if len(told.moves) > limit:
        output.say(f"  ... and {len(told.moves) - limit} more; see them with --limit {len(told.moves)}.")


def _word(value: object) -> object:
    return "nothing" if value is None else value
