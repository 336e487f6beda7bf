"""Commands of the custody log: `custody verify`, `prove`, `checkpoint`, `rotate-key`, `log`; the group's contents."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from firstlight.casework import logbook
from firstlight.casework.logbook import LogView
from firstlight.cli import output, retention
from firstlight.cli.common import Actor, HomeFolder, opened
from firstlight.clock import to_text
from firstlight.custody import LogCheck
from firstlight.errors import StorageError

app = typer.Typer(no_args_is_help=True, help="Custody: check, sign and read the log; clocks, holds and fixity.")


@app.command()
def verify(
    checkpoint: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Checkpoints that were kept elsewhere; repeatable.", show_default=False),
    ] = None,
    as_json: output.Json = False,
    home: HomeFolder = None,
) -> int:
    """Walk the whole custody log and name the first entry that is not what was written. Ends with 1 if there is one."""
    known = [note for path in checkpoint or () for note in logbook.read_checkpoints(path)]
    with opened(home) as house:
        check = logbook.verify(house, known)
    if as_json:
        output.answer(check)
    else:
        say_check(check, len(known))
    return output.DONE if check.ok else output.FINDING


@app.command()
def prove(
    seq: Annotated[int, typer.Argument(metavar="SEQ", min=0, show_default=False)],
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where to write it. [default: entry-SEQ.tlog-proof]")
    ] = None,
    as_json: output.Json = False,
    home: HomeFolder = None,
) -> None:
    """Write the proof that an entry stands in the log (C2SP tlog-proof); the log is signed first where it has to be."""
    with opened(home) as house:
        proof = logbook.prove(house, seq)
    path = out or Path(f"entry-{seq}.tlog-proof")
    try:
        path.write_text(proof.proof, encoding="utf-8", newline="")
    except OSError as e:
        raise StorageError(f"{path} cannot be written: {e.strerror}.", hint="Name another file with --out.") from e
    if as_json:
        output.answer(proof)
        return
    output.say(f"{path}: entry {seq} stands in the log of {proof.log_size} entries.")
    output.say(f"  Leaf hash: {proof.leaf_hash}")
    output.say(f"  Leaf: {proof.leaf}")
    output.say(f"  Log key: {proof.log_key}")


@app.command()
def checkpoint(
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Add it to the end of this file, to be kept elsewhere.", show_default=False),
    ] = None,
    as_json: output.Json = False,
    home: HomeFolder = None,
) -> None:
    """Sign the log as it stands and print the checkpoint. Keep some elsewhere: they show a log that was cut off."""
    with opened(home) as house:
        signed = house.checkpoint()
        key = house.keyring.log_signer().verifier.vkey
    if out is not None:
        logbook.add_checkpoint(out, signed)
    if as_json:
        output.answer(
            {"size": signed.size, "root": signed.checkpoint.root.hex(), "note": signed.note.decode()} | {"log_key": key}
        )
    else:
        output.say(signed.note.decode().rstrip("\n"))


@app.command("rotate-key")
def rotate_key(by: Actor = "operator", as_json: output.Json = False, home: HomeFolder = None) -> None:
    """Give the log a new signing key. What the old one signed stays good; publish the new one."""
    with opened(home) as house:
        done = logbook.rotate_key(house, actor=by)
    if as_json:
        output.answer(done)
        return
    output.say(f"The log has a new key since {to_text(done.at)}; the rotation stands in the log. Publish the new key.")
    output.say(f"  New: {done.new_key}")
    output.say(f"  Old: {done.old_key}")


@app.command()
def log(
    case: Annotated[int | None, typer.Option(min=1, help="Entries of this case.", show_default=False)] = None,
    item: Annotated[int | None, typer.Option(min=1, help="Entries of this item.", show_default=False)] = None,
    as_json: output.Json = False,
    home: HomeFolder = None,
) -> None:
    """Print what the log holds of a case or an item, in words."""
    with opened(home) as house:
        view = logbook.entries(house, case=case, item=item)
    if as_json:
        output.answer(view)
    else:
        say_entries(view)


def say_check(check: LogCheck, kept_elsewhere: int) -> None:
    """What a walk through the log found, in words."""
    output.say(
        f"{output.count(check.size, 'entry', 'entries')} of {check.origin}: {check.opened} opened and as they were "
        f"logged, {check.closed} closed on purpose"
    )
    output.say(
        f"  {output.count(check.checkpoints, 'checkpoint')} checked, {kept_elsewhere} of them kept elsewhere; "
        f"signed up to entry {check.signed_size}"
    )
    output.say(f"  root {check.root}")
    if not check.ok:
        where = "" if check.first_bad is None else f" The first bad entry is {check.first_bad}."
        output.say(f"BROKEN.{where} Keep this home as it is and compare it with the backup.")
    for one in check.findings:
        output.say(f"  {one.says}")


def say_entries(view: LogView) -> None:
    """Entries of the log, in words."""
    output.table(
        ["entry", "when", "what", "who", "facts"],
        (
            (one.seq, to_text(one.at), one.type.value, one.actor, one.says if one.open else "closed: its key is gone")
            for one in view.lines
        ),
        f"{output.count(len(view.lines), 'entry', 'entries')} of {view.about}, of {view.log_size} in the log",
    )


for name, command in (
    ("retention", retention.retention),
    ("extend", retention.extend),
    ("destroy", retention.destroy),
    ("approve", retention.approve),
    ("fixity", retention.check_fixity),
    ("protect", retention.protect),
    ("leftovers", retention.leftovers),
):
    app.command(name)(command)
app.add_typer(retention.hold_app, name="hold")
