"""What the tests of screening make: drawn pictures, archives of them, runs in this process."""

from __future__ import annotations

import gc
import io
import json
import sys
import tarfile
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
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
from firstlight.screen.hook import DownloadScreener
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


_IMG2DATASET = {
    "__init__": "from img2dataset.main import download",
    "resizer": """
import io
from PIL import Image
class Resizer:
    def __init__(self, image_size, resize_mode="border"): self.size = image_size
    def __call__(self, img_stream, blurring_bbox_list=None):
        try:
            image = Image.open(img_stream).convert("RGB")
        except OSError:
            return None, None, None, None, None, "Image decoding error"
        out = io.BytesIO()
        image.resize((self.size, self.size)).save(out, "JPEG")
        return out.getvalue(), self.size, self.size, image.width, image.height, None
""",
    "downloader": """
import io
from pathlib import Path
def download_image_with_retry(row, timeout):
    key, url = row
    if not Path(url).exists():
        return key, None, "HTTP Error 404: Not Found"
    return key, io.BytesIO(Path(url).read_bytes()), None
class Downloader:
    def __init__(self, resizer): self.resizer = resizer
    def __call__(self, row):
        key, img_stream, error_message = download_image_with_retry(row, timeout=10)
        if error_message is not None:
            return None, error_message
        img_stream.seek(0)
        made = self.resizer(img_stream, None)
        return made[0], made[5]
""",
    "main": """
import json, pickle
from pathlib import Path
from .resizer import Resizer
from .downloader import Downloader
def download(url_list, output_folder, image_size=64):
    global there
    there = pickle.loads(pickle.dumps(Downloader(Resizer(image_size=image_size))))
    Path(output_folder).mkdir()
    table = {}
    for number, url in enumerate(Path(url_list).read_text().split()):
        data, table[url] = there((number, url))
        if data is not None:
            (Path(output_folder) / f"{number}.jpg").write_bytes(data)
    (Path(output_folder) / "table.json").write_text(json.dumps(table))
""",
}
"""What of img2dataset 1.47 the hook touches, with files for URLs: its classes go to other processes by pickling."""


@contextmanager
def img2dataset(site: Path) -> Iterator[None]:
    """The package `img2dataset` can be imported here; see `_IMG2DATASET`."""
    (site / "img2dataset").mkdir(parents=True, exist_ok=True)
    for name, text in _IMG2DATASET.items():
        (site / "img2dataset" / f"{name}.py").write_text(text)
    sys.path.insert(0, str(site))
    try:
        yield
    finally:
        for one in gc.get_objects():  # what is opened in img2dataset's own processes ends with them
            if type(one) is DownloadScreener:  # others may stand for what is gone, and break when they are asked
                one.close()
        sys.path.remove(str(site))
        for name in [one for one in sys.modules if one.partition(".")[0] == "img2dataset"]:
            del sys.modules[name]


def screened(settings: Settings, cage: Cage, *sources: Path, **options: object) -> runs.RunReport:
    """A whole run in this process."""
    runs.prepare(settings, [str(one) for one in sources], keep=False)
    return runs.run(settings, Here(cage), **options)  # type: ignore[arg-type]
