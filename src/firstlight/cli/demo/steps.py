"""The demonstration: the main job from end to end, on ordinary pictures, with nothing left out and nothing leaving."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from firstlight.casework.examine import PRELOAD
from firstlight.casework.home import Home
from firstlight.cli import output
from firstlight.cli.common import caged
from firstlight.cli.demo import acts
from firstlight.cli.demo.acts import Stage

FOLDER = Path("firstlight-demo")
COUNT = 300


def demo(
    pictures: Annotated[
        Path | None, typer.Option(help="Also take in a folder of your own photographs.", show_default=False)
    ] = None,
    folder: Annotated[Path, typer.Option(help="Where the demonstration keeps everything.")] = FOLDER,
    count: Annotated[int, typer.Option(min=12, max=5000, help="How many pictures to draw.")] = COUNT,
) -> int:
    """Run the main job from a folder of pictures to a filed report and a package anyone can verify.

    The pictures are drawn by code, the report goes to a simulator on this machine, and nothing leaves it. It may be
    stopped and run again.
    """
    stage = Stage(folder=folder.absolute(), extra=pictures)
    with caged(PRELOAD) as cage:
        acts.draw(stage, count)
        acts.settle_in(stage)
        with Home.open(stage.home) as home:
            acts.make_banks(stage, home, cage)
        with Home.open(stage.home) as home:  # opened anew: what was saved is what is searched
            acts.search_banks(stage, home, cage)
            acts.take_in(stage, home, cage)
            acts.show_queue(stage, home)
            case = acts.decide_first(home)
            acts.file_report(home, case)
            package = acts.export_package(stage, home, case)
            acts.verify_package(package)
            acts.verify_altered(stage, package)
            whole = acts.reconcile(home)
            home.library.lock_up()  # nothing of the lists stays opened in memory when the demonstration is over
    acts.what_next(stage, case)
    return output.DONE if whole else output.FINDING
