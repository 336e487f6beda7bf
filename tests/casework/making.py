"""Pictures drawn by code, and a home with something in it, for the tests of casework and of the commands."""

from __future__ import annotations

import contextlib
import hashlib
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, PngImagePlugin
from sqlalchemy import Engine, event, func, insert, select

from firstlight.casework import cases, examine, facts, intake, reportable, review
from firstlight.casework.home import Home
from firstlight.casework.intake import IntakeReport
from firstlight.casework.review import Conclusion, Decision, Finding
from firstlight.casework.upload import Upload
from firstlight.clock import FixedClock
from firstlight.custody import EventType
from firstlight.cybertip import CaseFacts, Rendition, RetryPolicy
from firstlight.cybertip.drafting.facts import Conduct
from firstlight.media import Cage
from firstlight.store.tables import Case, Item
from firstlight.values import Level

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
AT_ONCE = RetryPolicy(first_wait=0, growth=1)
SETTINGS = """\
[organisation]
name = "Example Photos"
contact_first_name = "Ada"
contact_last_name = "Example"
contact_email = "safety@photos.example"
"""
FOR = Conclusion(finding=Finding.REPORT, why="A reason in words.", conduct=Conduct.MATERIAL)
AGAINST = Conclusion(finding=Finding.NOT_REPORTABLE, why="A picture of a turnip.")
TABLES_IN: list[Callable[[], str]] = []
"""Where new homes keep their tables: the last one makes the URL of a database; none is the home's own file."""
AI_SOURCE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"


def picture(seed: int, side: int = 256) -> Image.Image:
    """A soft brownish texture; another seed is another picture, far away by pixels."""
    grid = np.random.default_rng(seed).integers(0, 256, (24, 24), dtype=np.uint8)
    grey = Image.fromarray(grid).resize((side, side * 3 // 4), Image.Resampling.BICUBIC)
    return Image.merge("RGB", (grey, grey.point(lambda v: v * 0.9), grey.point(lambda v: v * 0.8)))


def jpeg(seed: int, quality: int = 95, side: int = 256, xmp: bytes | None = None) -> bytes:
    """The picture as a JPEG."""
    out = io.BytesIO()
    picture(seed, side).save(out, "JPEG", quality=quality, subsampling=0, **({"xmp": xmp} if xmp else {}))
    return out.getvalue()


def png(seed: int, **texts: str) -> bytes:
    """The picture as a PNG with these texts in it."""
    info = PngImagePlugin.PngInfo()
    for key, value in texts.items():
        info.add_text(key, value)
    out = io.BytesIO()
    picture(seed).save(out, "PNG", pnginfo=info)
    return out.getvalue()


def ai_xmp(source: str = AI_SOURCE, tool: str = "SomeGenerator 3") -> bytes:
    """The metadata that says a picture came from a generator; anybody can write it."""
    return f"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
 Iptc4xmpExt:DigitalSourceType="{source}" xmp:CreatorTool="{tool}"/></rdf:RDF></x:xmpmeta>""".encode()


def put(folder: Path, files: Mapping[str, bytes]) -> Path:
    """Write files into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


def new_home(folder: Path, clock: FixedClock | None = None) -> Home:
    """A home whose settings say who reports, and where its tables lie."""
    folder.mkdir(mode=0o700)
    elsewhere = f'[database]\nurl = "{TABLES_IN[-1]()}"\n' if TABLES_IN else ""
    (folder / "settings.toml").write_text(SETTINGS + elsewhere)
    return Home.open(folder, clock=clock or FixedClock(NOW, timedelta(milliseconds=1)))


def upload(account: str = "", **more: object) -> Upload:
    """The facts of an upload."""
    return Upload.model_validate({"account": account, "uploaded_at": NOW - timedelta(hours=1), **more})


def take_in(
    home: Home,
    cage: Cage,
    paths: Iterable[Path],
    about: Mapping[str, Upload] | None = None,
    default: Upload | None = None,
) -> IntakeReport:
    """Receive and examine."""
    report = intake.receive(home, intake.arrivals(paths, about or {}, default))
    examine.examine(home, cage)
    return report


def case_row(home: Home, number: int, level: Level, at: datetime, **more: Any) -> Case:
    """An open case as it lies in the tables, of a bundle of its own number."""
    facts: dict[str, Any] = {"place_order": float(number), "owner": "queue", "says": "Because."}
    return Case(
        id=number,
        bundle=number,
        state="open",
        level_rank=level.rank,
        opened_at=at,
        deadline=home.table.deadline(level, at),
        **(facts | more),
    )


def case_of(home: Home, name: str) -> int:
    """The case of the item with this file name."""
    for place in cases.queue(home).places:
        if any(item.name == name for item in cases.show(home, place.case).items):
            return place.case
    raise LookupError(name)


def flood(home: Home, case: int, count: int, *, same_bytes: bool = False) -> None:
    """Let the first item of a case come in so many times more, as rows and events alone: with its bytes, or others."""
    with home.work() as work:
        first = work.session.scalars(select(Item).where(Item.case_id == case).order_by(Item.id)).first()
        assert first is not None
        fields = {column.name: getattr(first, column.name) for column in Item.__table__.columns}
        last = work.session.scalar(select(func.max(Item.id))) or 0
        stated = Upload.from_json(first.upload).model_dump(mode="json")
        rows, events = [], []
        for number in range(last + 1, last + 1 + count):
            sha256 = first.sha256 if same_bytes else hashlib.sha256(b"%d" % number).hexdigest()
            told = {name: fields[name].replace(first.sha256, sha256) for name in ("stored", "verdict", "priority")}
            rows.append({**fields, **told, "id": number, "source": f"flood-{number}", "sha256": sha256})
            events.append(work.event(EventType.INGEST, "service", None, sha256, {"upload": stated}))
        work.session.execute(insert(Item), rows)
        work.log.append_many(events)
        cases.place_again(work, cases.one(work, case))


@contextlib.contextmanager
def statements() -> Iterator[list[str]]:
    """What is asked of any database meanwhile; many rows in one call are one."""
    said: list[str] = []

    def hear(*about: Any) -> None:
        said.append(about[2])

    event.listen(Engine, "before_cursor_execute", hear)
    try:
        yield said
    finally:
        event.remove(Engine, "before_cursor_execute", hear)


def look_at(home: Home, item: int, rendition: Rendition = Rendition.ORIGINAL, entire: bool = True) -> None:
    """A person looks at an item."""
    review.record_viewing(home, item, actor="rev-1", rendition=rendition, seconds=3.0, entire=entire)


def next_items(home: Home, case: int) -> list[int]:
    """Everything in the unit that comes next in a case."""
    unit = cases.next_unit(home, case)
    return [unit.shown, *unit.same_bytes, *unit.alike]


def report_it(home: Home, case: int, items: Sequence[int] | None = None, **more: object) -> tuple[Decision, ...]:
    """A person decides that these items of a case, or all of what comes next in it, are to be reported."""
    fields = {"finding": Finding.REPORT, "why": "A reason in words.", "conduct": Conduct.MATERIAL, **more}
    shown = next_items(home, case) if items is None else items
    return review.decide(home, case, Conclusion.of(**fields), actor="rev-1", items=shown)


def told(home: Home, case: int) -> dict[str, CaseFacts]:
    """What the reports that wait in a case would say, by account."""
    with home.look() as work:
        return {one.name: facts.case_facts(home, work, one) for one in reportable.of_case(work, case)}
