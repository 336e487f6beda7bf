"""Commands of the custody log: `custody verify`, `prove`, `checkpoint`, `rotate-key`, `log`; the group's contents."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import Annotated

import typer

from firstlight.casework import anchoring, logbook
from firstlight.casework.anchoring import AnchorReport, Anchors
from firstlight.casework.logbook import LogView
from firstlight.cli import output, retention
from firstlight.cli.common import Actor, HomeFolder, opened
from firstlight.clock import to_text
from firstlight.custody import LogCheck, NoteVerifier
from firstlight.custody.witness import Witness
from firstlight.custody.witness_server import WitnessServer
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
        anchors = anchoring.look(house)
    if as_json:
        output.answer(check.model_dump(mode="json") | {"anchors": anchors.model_dump(mode="json")})
    else:
        say_check(check, len(known))
        say_anchors(anchors)
    return output.DONE if check.ok and not anchors.findings else output.FINDING


@app.command()
def anchor(by: Actor = "operator", as_json: output.Json = False, home: HomeFolder = None) -> int:
    """Sign the log, have the witness sign along, have its time stamped. What is away now is asked again next time.

    Ends with 1 if a second party contradicts this log, with 3 if one does not answer.
    """
    with opened(home) as house:
        report = anchoring.anchor(house, actor=by)
    if as_json:
        output.answer(report)
    else:
        say_anchoring(report)
    return output.FINDING if report.refused else output.OUR_FAULT if report.errors else output.DONE


@app.command()
def witness(
    folder: Annotated[
        Path, typer.Option(metavar="DIR", help="Keeps its key and what it signed; made at first.", show_default=False)
    ],
    log_key: Annotated[
        list[str],
        typer.Option(metavar="KEY", help="The key of a log that it signs for; repeatable.", show_default=False),
    ],
    name: Annotated[str, typer.Option(help="What the witness is called.")] = "witness.invalid/1",
    host: Annotated[str, typer.Option(help="Where it listens. For other machines put a proxy with TLS in front.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes any free port.")] = 8029,
) -> None:
    """Run a witness for other logs until it is stopped (Ctrl-C): it signs only what continues what it signed before."""
    keys = [NoteVerifier.from_vkey(one) for one in log_key]
    second = Witness(folder, name, keys)
    stop = threading.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, lambda *_: stop.set())
    with WitnessServer(second, host=host, port=port) as server:
        output.say(f"The witness listens at {server.url}")
        output.say(f"  its key: {second.key.vkey}")
        stop.wait()
    output.say("The witness has stopped; what it signed is kept.")


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


def say_anchors(anchors: Anchors) -> None:
    """What second parties say of the log, in words; nothing where there are none."""
    if anchors.witness:
        seen = "nothing yet"
        if anchors.witnessed is not None and anchors.witnessed_at is not None:
            seen = f"{anchors.witnessed} entries, at {to_text(anchors.witnessed_at)}"
        output.say(f"  the witness {output.one_line(anchors.witness)} has signed {seen}")
    if anchors.dated:
        last = anchors.dated[-1]
        output.say(
            f"  {output.count(len(anchors.dated), 'time stamp')} checked by {' and '.join(last.checked_by)}; "
            f"the newest: {last.size} entries at {to_text(last.at)}"
        )
    if anchors.waiting:
        waits = output.count(anchors.waiting, "checkpoint waits", "checkpoints wait")
        output.say(f"  {waits} for a time stamp: firstlight custody anchor")
    for one in anchors.findings:
        output.say(f"  {one.says}")


def say_anchoring(report: AnchorReport) -> None:
    """What came of asking second parties, in words."""
    output.say(f"The log is signed at {output.count(report.size, 'entry', 'entries')}.")
    words = {"signed": "has signed it too", "none": "none is configured", "error": "has not signed"}
    output.say(f"  witness: {words[report.witness]}")
    output.say(f"  time stamps: {report.stamps} got, {report.waiting} waiting")
    for one in report.errors:
        output.say(f"  {output.one_line(one.message)} {output.one_line(one.hint)}")


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
