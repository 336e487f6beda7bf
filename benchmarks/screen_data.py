"""What the benchmarks of screening work on: crops of photographs in tars and Parquet files, and a bank.

Only the standard library is imported here: contenders import it in environments of their own.
"""

from __future__ import annotations

import importlib
import os
import random
import shutil
from pathlib import Path
from typing import Any

SHARDS = 10
FEW, MANY, TIMES = 2, 4, 24
"""Shards of the two runs whose difference is what a picture costs, and how often ours reads the additional ones.

With fewer than two shards the second worker would not start, and its start would count as the cost of pictures.
"""
SIZES = {"few": FEW, "many": MANY, "long": FEW + TIMES * (MANY - FEW)}


def foreign(name: str) -> Any:  # noqa: ANN401 - no types, and perhaps only in the environment of the rivals
    """A module of a contender."""
    return importlib.import_module(name)


def make_pictures(photographs: Path, folder: Path, count: int) -> None:
    """Tars and Parquet files with the same crops, as JPEGs."""
    import io
    import tarfile

    from PIL import Image

    pa, pq = foreign("pyarrow"), foreign("pyarrow.parquet")

    rng = random.Random(1)
    sources = [
        path for path in sorted(photographs.iterdir()) if path.suffix.lower() in (".jpg", ".jpeg", ".png", ".webp")
    ]
    large = []
    for path in sources:
        with Image.open(path) as opened:
            if min(opened.size) >= 1100:
                large.append(path)
    made: list[bytes] = []
    while len(made) < count:
        with Image.open(rng.choice(large)) as opened:
            image = opened.convert("RGB")
        for _ in range(min(12, count - len(made))):
            pixels, ratio = rng.uniform(0.5e6, 2e6), rng.uniform(0.7, 1.5)
            width = min(image.width, int((pixels * ratio) ** 0.5))
            height = min(image.height, int(pixels / width))
            left, top = rng.randint(0, image.width - width), rng.randint(0, image.height - height)
            out = io.BytesIO()
            image.crop((left, top, left + width, top + height)).save(out, "JPEG", quality=rng.choice((80, 85, 90)))
            made.append(out.getvalue())
    rng.shuffle(made)
    for kind in ("tar", "parquet"):
        (folder / kind / "all").mkdir(parents=True)
    each = count // SHARDS
    for number in range(SHARDS):
        part = made[number * each : (number + 1) * each]
        with tarfile.open(folder / "tar" / "all" / f"{number:05}.tar", "w") as archive:
            for place, data in enumerate(part):
                info = tarfile.TarInfo(f"{number:05}{place:04}.jpg")
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
        cells = pa.array([{"bytes": data, "path": f"{n}.jpg"} for n, data in enumerate(part)])
        pq.write_table(
            pa.table({"image": cells}), folder / "parquet" / "all" / f"{number:05}.parquet", row_group_size=100
        )
    link_parts(folder)


def link_parts(folder: Path) -> None:
    """The first shards once more, as data sets of their own; in `more` those whose pictures are counted."""
    for kind in ("tar", "parquet"):
        shards = sorted((folder / kind / "all").iterdir())
        more = [FEW + number % (MANY - FEW) for number in range(SIZES["long"] - FEW)]
        parts = {name: [*range(FEW), *more][:count] for name, count in SIZES.items()}
        for name, places in {**parts, "more": range(FEW, MANY)}.items():
            shutil.rmtree(folder / kind / name, ignore_errors=True)
            (folder / kind / name).mkdir()
            for number, place in enumerate(places):
                path = shards[place]
                os.link(path, folder / kind / name / f"{number:05}{path.suffix}")


def make_bank(home: Path, count: int) -> None:
    """A home with one plain bank of random hashes, imported from a file as lists are."""
    from firstlight.casework.home import Home
    from firstlight.values import BankPurpose

    home.mkdir(mode=0o700)
    (home / "settings.toml").write_text("[banks]\nsealed = false\n")
    rng = random.Random(2)
    listed = home.with_suffix(".csv")
    with listed.open("w") as file:
        file.write("pdq,md5\n")
        file.writelines(f"{rng.getrandbits(256):064x},{rng.getrandbits(128):032x}\n" for _ in range(count))
    with Home.open(home) as there:
        there.library.create_bank("known", BankPurpose.KNOWN)
        report = there.library.import_list("known", listed)
    assert report.added == count, report
    listed.unlink()
