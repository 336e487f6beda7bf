"""What several commands need: the home they work on, the caged workers, the files they were given."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from firstlight.errors import InputError, NotFoundError
from firstlight.hashing import Mode
from firstlight.media import Cage

if TYPE_CHECKING:
    from firstlight.casework.home import Home
    from firstlight.origin import TrustLists

HomeFolder = Annotated[
    Path | None,
    typer.Option(
        "--home",
        envvar="FIRSTLIGHT_HOME",
        show_envvar=True,
        help="The folder that holds everything Firstlight keeps. [default: ~/.local/share/firstlight]",
        show_default=False,
    ),
]
Files = Annotated[list[Path], typer.Argument(metavar="FILE...", show_default=False)]
ModeOption = Annotated[
    Mode, typer.Option(help="`exact` is the reference's hash bit for bit; `auto` may scale large JPEGs while decoding.")
]
CaseNumber = Annotated[int, typer.Argument(metavar="CASE", min=1, show_default=False)]
By = Annotated[str, typer.Option("--by", metavar="NAME", help="Who does this.", show_default=False)]
Why = Annotated[
    str, typer.Option("--why", metavar="TEXT", help="Your reason; it is kept for ever.", show_default=False)
]
Actor = Annotated[str, typer.Option("--by", metavar="NAME", help="Who does this; it stands in the custody log.")]


def home_folder(given: Path | None) -> Path:
    """The folder named, or the user's data folder of the XDG base directory rules."""
    if given is not None:
        return given
    base = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    try:
        return Path(base).expanduser() / "firstlight"
    except RuntimeError as e:
        raise InputError("The system does not say where this user's folder is.", hint="Name one with --home.") from e


def trust_lists(given: Path | None) -> TrustLists:
    """The trust lists of the home, read without opening it; none where there is no home.

    Raises:
        IntegrityError: a list is not the one that was put there.
    """
    from firstlight.origin import TrustLists
    from firstlight.origin.trust_folder import load_folder

    try:
        folder = home_folder(given)
    except InputError:
        return TrustLists()
    return load_folder(folder / "trust")


@contextmanager
def opened(given: Path | None, *, create: bool = False) -> Iterator[Home]:
    """The home, open."""
    from firstlight.casework.home import Home  # it brings the whole house; commands without a home start without it
    from firstlight.casework.settings import Given

    with Home.open(home_folder(given), create=create, given=Given(os.environ)) as home:
        yield home


@contextmanager
def opened_if_there(given: Path | None) -> Iterator[Home | None]:
    """The home, open; nothing where there is none, for commands that can do without."""
    from firstlight.casework.home import Home
    from firstlight.casework.settings import Given

    try:
        home = Home.open(home_folder(given), create=False, given=Given(os.environ))
    except NotFoundError:
        if given is not None and not given.exists():
            raise  # a home that was named and is not there is a slip, not a wish for none
        yield None
        return
    with home:
        yield home


@contextmanager
def caged(preload: Sequence[str]) -> Iterator[Cage]:
    """Caged workers. Start them before a home is opened, so that they never held its keys."""
    with Cage(preload=preload) as cage:
        yield cage


def name_of(path: Path) -> str:
    """The path as text; bytes that are no UTF-8 are written as `\\xNN`."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def time_code(seconds: float) -> str:
    """A place in a film: hours, minutes, seconds and milliseconds."""
    whole, thousandths = divmod(round(seconds * 1000), 1000)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}.{thousandths:03}"


def below(paths: Iterable[Path]) -> Iterator[Path]:
    """The files named, and those below the folders named, in the order of their names; links to folders are not
    followed. A folder that may not be read is answered as it is, so that whoever opens it says so."""
    waiting = list(paths)[::-1]
    while waiting:
        path = waiting.pop()
        try:
            children = sorted(path.iterdir()) if path.is_dir() and not path.is_symlink() else None
        except OSError:
            children = None
        if children is None:
            yield path
        else:
            waiting += reversed(children)
