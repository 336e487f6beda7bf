"""The acts of the demonstration, one function each; every one may be cut off and played again."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from firstlight.casework import banking, cases, examine, filing, intake, preserve, review
from firstlight.casework import reconcile as accounts
from firstlight.casework.home import Home
from firstlight.casework.review import Conclusion, Finding
from firstlight.casework.settings import FILE as SETTINGS
from firstlight.casework.upload import read_about
from firstlight.cli import output
from firstlight.cli.cybertip import say_filing, say_findings
from firstlight.cli.demo.pictures import DemoPicture, DemoSet, Kind, make_pictures
from firstlight.cli.keep import say_package, say_reconciliation
from firstlight.cli.simulator import fresh_simulator
from firstlight.cli.work import say_queue
from firstlight.clock import SystemClock
from firstlight.cybertip import DEMO_CREDENTIALS, Client, Rendition
from firstlight.cybertip.drafting.facts import Conduct
from firstlight.errors import InputError, StateError, StorageError
from firstlight.media import Cage
from firstlight.values import BankPurpose

SEED = 1
REVIEWER = "demo-reviewer"
PLACES = 12  # of the queue that are printed
ONE_LISTED_IN = 5  # every fifth picture is in the bank of known ones
ACCOUNTS = 20

_SETTINGS = """\
[organisation]
name = "Demonstration (no organisation)"
contact_first_name = "Demo"
contact_last_name = "Operator"
contact_email = "demo@example.org"
"""
_PICTURES = TypeAdapter(tuple[DemoPicture, ...])


@dataclass(slots=True)
class Stage:
    """Where the demonstration plays. `extra` is the user's own folder of photographs; it is only read."""

    folder: Path
    extra: Path | None = None
    drawn: DemoSet = field(default_factory=lambda: DemoSet(Path(), ()))

    @property
    def home(self) -> Path:
        """The home of the demonstration."""
        return self.folder / "home"


def draw(stage: Stage, count: int) -> None:
    """Draw the pictures, or find them drawn by an earlier run."""
    output.say(f"1. Pictures: {count} drawn by code, edited copies, some with AI marks, a camera's, two unreadable")
    listed, folder = stage.folder / "pictures.json", stage.folder / "pictures"
    try:
        stage.folder.mkdir(parents=True, exist_ok=True)
        if listed.exists():
            stage.drawn = DemoSet(folder, _PICTURES.validate_json(listed.read_bytes()))
    except OSError as e:
        raise StorageError(f"{stage.folder} cannot be used: {e.strerror}.", hint="Name another --folder.") from e
    except ValidationError:
        output.say("   the list of pictures is damaged; they are drawn again")
    if len(stage.drawn.of_kind(Kind.ORDINARY)) != count:
        with output.progress("drawing", None) as advance:
            stage.drawn = make_pictures(folder, count, SEED, lambda _done, _total: advance())
        _put(listed, _PICTURES.dump_json(stage.drawn.pictures))
    kinds = ", ".join(f"{len(stage.drawn.of_kind(kind))} {kind.value}" for kind in Kind)
    output.say(f"   {len(stage.drawn.pictures)} files in {folder}: {kinds}")
    if stage.extra is not None:
        if not stage.extra.is_dir():
            raise InputError(f"There is no folder {stage.extra}.", hint="Name a folder of photographs with --pictures.")
        output.say(f"   and your own photographs in {stage.extra}, which are only read")


def settle_in(stage: Stage) -> None:
    """Make the home folder and say in its settings who runs it."""
    try:
        stage.home.mkdir(mode=0o700, exist_ok=True)
    except OSError as e:
        raise StorageError(f"{stage.home} cannot be made: {e.strerror}.", hint="Name another --folder.") from e
    settings = stage.home / SETTINGS
    if not settings.exists():
        _put(settings, _SETTINGS.encode())


def _put(path: Path, data: bytes) -> None:
    """Write a file whole or not at all: a run that is cut off leaves nothing that the next one stumbles over."""
    new = path.with_name(f".{path.name}.new")
    try:
        new.write_bytes(data)
        new.replace(path)
    except OSError as e:
        raise StorageError(
            f"{path} cannot be written: {e.strerror}.", hint="Make room, or name another --folder."
        ) from e


def make_banks(stage: Stage, home: Home, cage: Cage) -> None:
    """Make banks from part of the pictures; one of them holds a single picture."""
    output.say("\n2. Banks: hash lists of some of the pictures")
    ordinary = [picture.path for picture in stage.drawn.of_kind(Kind.ORDINARY)]
    for name, purpose, paths in (
        ("demo-known", BankPurpose.KNOWN, ordinary[ONE_LISTED_IN::ONE_LISTED_IN]),
        ("demo-single", BankPurpose.KNOWN, ordinary[:1]),
        ("demo-known-ai", BankPurpose.KNOWN_AI, [p.path for p in stage.drawn.of_kind(Kind.STAMPED)][:3]),
    ):
        if name not in {bank.name for bank in home.library.banks()}:
            banking.create_bank(home, name, purpose, actor="demo", owner="demonstration")
        banking.add_pictures(home, cage, name, paths, actor="demo")
        output.say(f"   {name} ({purpose.value}): {output.count(home.library.bank(name).entries, 'entry', 'entries')}")


def search_banks(stage: Stage, home: Home, cage: Cage) -> None:
    """Search the bank of one, after it was saved and loaded: its picture, an edited copy, and another picture."""
    single = stage.drawn.of_kind(Kind.ORDINARY)[0]
    copy = next(picture for picture in stage.drawn.of_kind(Kind.COPY) if picture.original == single.path)
    other = stage.drawn.of_kind(Kind.ORDINARY)[1]
    wanted = [single.path, copy.path, other.path]
    output.say("   saved, loaded again, and the bank of one searched:")
    for one in banking.match_files(home, cage, wanted, banks=["demo-single"]):
        hits = [f"{'the same bytes' if m.exact else f'near-duplicate, {m.distance} of 256 bits'}" for m in one.matches]
        output.say(f"     {Path(one.file).name}: {', '.join(hits) or 'no match'}")


def take_in(stage: Stage, home: Home, cage: Cage) -> None:
    """Take everything in: vault, hash, match, origin, bundle, rank."""
    output.say("\n3. Intake: keep the originals, hash, match, look for signs of origin, bundle, rank")
    folders = [stage.drawn.folder, *([stage.extra] if stage.extra else [])]
    about = read_about(_about(stage))
    with output.progress("taking in", None) as advance:
        report = intake.receive(home, intake.arrivals(folders, about), actor="demo", advance=advance)
    with home.look() as work:
        waiting = examine.pending(work.session)
    with output.progress("examining", waiting) as advance:
        examined = examine.examine(home, cage, advance=advance)
    output.say(
        f"   {report.offered} files: {report.received} taken in, {report.known} known from an earlier run, "
        f"{len(report.refused)} refused; {examined} examined"
    )
    for one in report.refused:
        output.say(f"     refused: {output.one_line(one.path)}: {one.error.message}")


def _about(stage: Stage) -> Path:
    """What the service knows of each upload, in the form in which `intake --about` takes it."""
    path = stage.folder / "about.json"
    if not path.exists():
        now = SystemClock().now()
        facts: dict[str, dict[str, object]] = {}
        for number, picture in enumerate(stage.drawn.pictures):
            facts[picture.path.name] = {
                "account": f"account-{number % ACCOUNTS + 1}",
                "uploaded_at": (now - timedelta(minutes=7 * number + 5)).isoformat(),
                "ip": f"192.0.2.{number % ACCOUNTS + 1}",
                "port": 40000 + number,
                "url": f"https://photos.example/{picture.path.name}",
            }
        # One upload comes with a fact that only the service can know; it is what makes that case the first.
        facts[stage.drawn.of_kind(Kind.ORDINARY)[6].path.name]["context"] = {"facts": ["contact_with_minor"]}
        _put(path, json.dumps(facts).encode())
    return path


def show_queue(stage: Stage, home: Home) -> None:
    """Print the queue, and that the forged mark has not moved the camera's picture down."""
    view = cases.queue(home)
    output.say(f"   The queue: {len(view.places)} cases\n")
    say_queue(view, PLACES)
    camera, forged = stage.drawn.of_kind(Kind.CAMERA)[0], stage.drawn.of_kind(Kind.FORGED)[0]
    before, after = (cases.priority_of(home, intake.source_of(picture.path)) for picture in (camera, forged))
    output.say("\n   A camera's picture, and the same picture with a forged AI mark:")
    for picture, priority in ((camera, before), (forged, after)):
        output.say(f"     {picture.path.name}: {priority.level.value}, order {priority.order:g}")
    if after.sort_key > before.sort_key:
        raise StateError("The forged mark has moved the picture down. This must never happen; please report it.")
    output.say("   The forged mark has not moved it down.")


def decide_first(home: Home) -> int:
    """Play the reviewer of the first case: look, then conclude. An earlier run's decision is gone on with."""
    output.say("\n4. Review and report")
    begun = cases.waiting_for_report(home)
    if begun:
        output.say(f"   case {begun[0]} was decided by an earlier run")
        return begun[0]
    places = cases.queue(home).places
    if not places:
        raise StateError("Every case of this demonstration was decided.", hint="Begin anew with another --folder.")
    case = places[0].case
    item = cases.next_unit(home, case).shown
    review.record_viewing(home, item, actor=REVIEWER, rendition=Rendition.ORIGINAL, seconds=4.0, entire=True)
    conclusion = Conclusion(
        finding=Finding.REPORT,
        why="Played by the demonstration: an ordinary drawing, treated as if it had to be reported.",
        conduct=Conduct.MATERIAL,
    )
    made = review.decide(home, case, conclusion, actor=REVIEWER, items=[item])
    records = output.count(len(made), "record")
    output.say(f"   {REVIEWER} looked at item {item} of case {case} and decided: report ({records} made)")
    return case


def file_report(home: Home, case: int) -> None:
    """Draft, check, file with the simulator on loopback, keep the receipt."""
    for number, drafted in enumerate(filing.draft(home, case)):
        files = output.count(len(drafted.draft.files), "file")
        if number == 0:
            output.say(f"   drafted: the uploads of {drafted.account}, {files}")
            say_findings(drafted.findings)
        else:
            found = output.count(len(drafted.findings.findings), "finding")
            output.say(f"   drafted: the uploads of {drafted.account}, {files}; {found} of the same kinds")
    with fresh_simulator() as service, Client(service.destination, DEMO_CREDENTIALS) as client:
        output.say(f"   filing with the simulator at {service.url}: submit, upload, fileinfo, finish")
        for filed in filing.file_case(home, case, client, actor=REVIEWER):
            say_filing(filed)


def export_package(stage: Stage, home: Home, case: int) -> Path:
    """Make the evidence package of the case."""
    output.say("\n5. Evidence")
    report = preserve.export(home, case, stage.folder / "packages", actor=REVIEWER)
    say_package(report)
    return Path(report.folder)


def verify_package(package: Path) -> None:
    """Verify the package with its own verifier and a bare interpreter."""
    code, said = _run_verifier(package)
    output.say(f"   $ python3 -I verify/verify.py .   (exit {code})")
    for line in said:
        output.say(f"     {line}")
    if code != 0:
        raise StateError("The package does not verify. This must never happen; please report it.")


def verify_altered(stage: Stage, package: Path) -> None:
    """Change one byte in a copy and see that the verifier names the file."""
    altered = stage.folder / "altered"
    try:
        shutil.rmtree(altered, ignore_errors=True)
        shutil.copytree(package, altered)
        victim = sorted((altered / "data" / "records").iterdir())[0]
        data = bytearray(victim.read_bytes())
        data[len(data) // 2] ^= 1
        victim.chmod(0o600)
        victim.write_bytes(data)
    except OSError as e:
        raise StorageError(f"The copy in {altered} cannot be made: {e.strerror}.", hint="Make room.") from e
    code, said = _run_verifier(altered)
    output.say(f"   one byte of {victim.relative_to(altered)} changed in a copy:   (exit {code})")
    for line in said:
        output.say(f"     {line}")
    if code != 1 or not any(victim.name in line for line in said):
        raise StateError("The verifier has not named the changed file. This must never happen; please report it.")


def _run_verifier(package: Path) -> tuple[int, list[str]]:
    python = getattr(sys, "_base_executable", None) or sys.executable  # the bare one, outside any environment
    try:
        done = subprocess.run(  # noqa: S603 - our own verifier, with fixed arguments
            [python, "-I", "verify/verify.py", "."],
            cwd=package,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as e:
        raise StorageError(f"The verifier could not be run: {e}.") from e
    return done.returncode, [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]


def reconcile(home: Home) -> bool:
    """Prove that nothing was lost."""
    output.say("\n6. Reconcile")
    account = accounts.reconcile(home, originals=True)
    say_reconciliation(account)
    if account.adds_up:
        output.say("   Everything adds up, and every original is what it was.")
    return account.adds_up


def what_next(stage: Stage, case: int) -> None:
    """Where everything lies, and what to try."""
    command, folder = _shortened(Path(sys.argv[0])), _shortened(stage.folder)
    output.say(
        f"""
Everything lies in {folder}: the pictures, the home with its vault, banks, keys and database, the packages.
Look at it in the review console; the first start prints a link that lets you in:
  {command} up --home {folder}/home
Try next:
  {command} queue --home {folder}/home
  {command} case show {case} --home {folder}/home
  {command} origin {folder}/pictures/camera-with-forged-stamp.jpg
  {command} demo --pictures YOUR-PHOTOGRAPHS
Remove it all with: rm -r {folder}"""
    )


def _shortened(path: Path) -> str:
    """The path as it can be typed here."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_absolute() and path.is_relative_to(here) else str(path)
