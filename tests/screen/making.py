"""What the tests of screening make: drawn pictures, archives of them, runs in this process."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from firstlight.banks import Library
from firstlight.cli.demo.drawing import draw
from firstlight.cli.demo.edits import as_jpeg
from firstlight.clock import Clock
from firstlight.custody import KeySealer
from firstlight.errors import FirstlightError
from firstlight.media import Cage
from firstlight.screen import launch, runs
from firstlight.screen.lists import Lists
from firstlight.screen.member import Findings, Member
from firstlight.screen.places import Places
from firstlight.screen.readers import members_of
from firstlight.screen.shard import Screener, Settings
from firstlight.screen.shards import Kind, Shard

SEALER = KeySealer(bytes(range(32)))
_DRAWN: dict[int, bytes] = {}


def picture(seed: int) -> bytes:
    """A drawn picture as a JPEG; drawn once."""
    if seed not in _DRAWN:
        _DRAWN[seed] = as_jpeg(draw(seed).resize((320, 240)))
    return _DRAWN[seed]


def tar_of(members: Iterable[tuple[str, bytes]], path: Path | None = None, mode: str = "w") -> bytes:
    """An archive of regular files, also written to `path`."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:  # type: ignore[call-overload]
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    if path is not None:
        path.write_bytes(out.getvalue())
    return out.getvalue()


def side_file(**facts: object) -> bytes:
    """A side file as img2dataset writes it."""
    return json.dumps(facts).encode()


def shard_of(path: Path, kind: Kind = Kind.TAR) -> Shard:
    """The shard of one file, as a plan would have it."""
    return Shard(kind, str(path), path.stat().st_size, "")


def read(path: Path, kind: Kind = Kind.TAR) -> tuple[list[Member], Findings]:
    """All members of a file, and what was found about it."""
    findings = Findings()
    return list(members_of(shard_of(path, kind), Places(), findings)), findings


def codes(findings: Findings) -> set[str]:
    """The codes of what was found."""
    return {one.code for one in findings.all()}


@dataclass(frozen=True)
class Opened:
    """Lists that are open already."""

    lists: Lists

    def __call__(self) -> AbstractContextManager[Lists]:
        return nullcontext(self.lists)


def lists_of(library: Library, *banks: str, clock: Clock) -> Opened:
    """A way to open these banks."""
    return Opened(Lists(library, SEALER, banks, clock))


@dataclass(frozen=True)
class Here:
    """A launcher that screens in this process, with a cage that is there."""

    cage: Cage
    stop_after: int | None = None

    def __call__(self, settings: Settings, shards: Iterable[Shard]) -> Iterator[launch.Done]:
        with Screener(settings, self.cage) as screener:
            for number, shard in enumerate(shards):
                if number == self.stop_after:
                    return
                try:
                    yield launch.Done(shard, screener.screen_shard(shard))
                except FirstlightError as e:
                    yield launch.Done(shard, error=e)


def screened(settings: Settings, cage: Cage, *sources: Path, **options: object) -> runs.RunReport:
    """A whole run in this process."""
    runs.prepare(settings, [str(one) for one in sources], keep=False)
    return runs.run(settings, Here(cage), **options)  # type: ignore[arg-type]
