"""Single acts on a home in a process that may be killed at any of its writes and statements; `test_killed_acts` starts
it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sqlalchemy import event
from sqlalchemy.engine import Engine

from casework.killed_run import KilledAt
from casework.making import FOR, next_items
from firstlight.casework import backup, moving, review, undo
from firstlight.casework.home import Home


def _decide(folder: Path) -> None:
    with Home.open(folder / "home", create=False) as home:
        review.decide(home, 1, FOR, actor="rev-1", items=next_items(home, 1))


def _undo(folder: Path) -> None:
    with Home.open(folder / "home", create=False) as home:
        undo.undo(home, 1, actor="rev-1")


def _back_up(folder: Path) -> None:
    with Home.open(folder / "home", create=False) as home:
        backup.backup(home, folder / "backup", folder / "keys-apart")


def _restore(folder: Path) -> None:
    backup.restore(folder / "again", folder / "backup", folder / "keys-apart")


def _move(folder: Path) -> None:
    with Home.open(folder / "home", create=False) as home:
        moving.copy_database(home, (folder / "url").read_text())


def _move_back(folder: Path) -> None:
    with Home.open(folder / "home", create=False, database_url=(folder / "url").read_text()) as home:
        moving.copy_database(home, moving.HERE)


ACTS: dict[str, Callable[[Path], None]] = {
    "decide": _decide, "undo": _undo, "back up": _back_up, "restore": _restore, "move": _move, "move back": _move_back,
}  # fmt: skip


def act(name: str, folder: Path, kill_at: int) -> None:
    """Do it, and be killed at the n-th moment. Whoever lives on writes down how many moments there were."""
    moments = KilledAt(kill_at)
    moments.watch()
    event.listen(Engine, "before_cursor_execute", moments.tick)
    event.listen(Engine, "after_cursor_execute", moments.tick)
    ACTS[name](folder)
    (folder / "moments").write_text(str(moments.seen))
