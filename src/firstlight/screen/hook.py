"""Screening while a data set is downloaded: the bytes as they came, before any resize. A hit never reaches the disk.

img2dataset hands every download to its resizer, and writes what that answers. `ScreenedResizer` stands before it:

    guard_img2dataset(DownloadScreener(lists_of(home, ("known",)), Path("found")))
    img2dataset.download(...)  # below `if __name__ == "__main__":`, since it starts processes that read the file again

Any other downloader calls `DownloadScreener.look` on the raw bytes, and keeps what `may_keep` is true for.
"""

from __future__ import annotations

import importlib
import io
import secrets
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

from firstlight.clock import to_text
from firstlight.custody.files import Disk, write_whole
from firstlight.errors import FirstlightError, InputError, MissingExtraError
from firstlight.hashing import Mode
from firstlight.media import Cage
from firstlight.screen.bundles import SCREEN_PRELOAD, Hashed, hash_bundle
from firstlight.screen.hits import FOUND, Hit, matches_of, seal_hits
from firstlight.screen.lists import Lists, OpenLists, compare, known_of, state_of
from firstlight.screen.member import Facts, Member
from firstlight.screen.results import make_folder

NOT_KEPT: Final = "not kept by the rules of this download"
"""What stands in a downloader's own table for a hit. It names nothing; yet a row that has it points at its URL: leave
such rows out of what you publish."""
NOT_COMPARED: Final = "could not be compared, and is not kept"
"""What stands there for a download that the lists could not be asked about, with the reason."""


@dataclass(frozen=True, slots=True)
class Look:
    """What became of one download. Where it could not be compared, `trouble` says why, and it may not be kept."""

    may_keep: bool
    hit: bool = False
    trouble: str = ""


class DownloadScreener:
    """Compares raw bytes with the lists, in any number of processes. What matches is kept sealed in `folder`.

    Picklable as long as its lists are. Cage and lists are opened at the first look of each process.
    """

    def __init__(self, open_lists: OpenLists, folder: Path, *, mode: Mode = Mode.AUTO) -> None:
        self._open_lists = open_lists
        self._folder = folder
        self._mode = mode
        self._here: tuple[Cage, Lists] | None = None
        self._stack = ExitStack()
        self._mutex = threading.Lock()

    def look(self, data: bytes, *, url: str = "", key: str = "") -> Look:
        """Whether these bytes may be kept. Never raises: what cannot be compared may not be kept."""
        try:
            with self._mutex:
                cage, lists = self._opened()
            state_of(lists)  # a bank that was disabled meanwhile would match nothing
            [one] = hash_bundle(
                cage, [Member(key or "download", 0, len(data), data, Facts(key=key, url=url))], self._mode
            )
            [found] = compare(lists, [known_of(one)])
            if not found:
                return Look(may_keep=True)
            self._keep(lists, one, matches_of(found))
        except FirstlightError as e:
            return Look(may_keep=False, trouble=str(e.diagnostics()))
        return Look(may_keep=False, hit=True)

    def check(self) -> None:
        """Open the lists once, to learn now whether they can be used.

        Raises:
            NotFoundError, InputError, StateError, IntegrityError, StorageError: they cannot.
        """
        with self._open_lists() as lists:
            state_of(lists)

    def _opened(self) -> tuple[Cage, Lists]:
        if self._here is None:
            make_folder(self._folder)
            cage = self._stack.enter_context(Cage(workers=1, preload=SCREEN_PRELOAD))
            _ = cage.isolation  # the worker is there before this process holds a key
            self._here = cage, self._stack.enter_context(self._open_lists())
        return self._here

    def _keep(self, lists: Lists, one: Hashed, matches: tuple[Any, ...]) -> None:
        facts = one.member.facts
        hit = Hit(
            place="download", member=facts.key or facts.url or one.sha256.hex(), offset=0, size=one.member.size, row=0,
            key=facts.key, url=facts.url, fetched=to_text(lists.clock.now()), md5=one.md5.hex(), sha1=one.sha1.hex(),
            sha256=one.sha256.hex(), width=one.width, height=one.height, pdq=one.pdq.hex(), matches=matches,
        )  # fmt: skip
        name = secrets.token_hex(16)
        write_whole(Disk(), self._folder / f"{name}{FOUND}", [seal_hits([hit], lists.sealer, name)])

    def close(self) -> None:
        """Let go of cage and lists."""
        self._here = None
        self._stack.close()

    def __getstate__(self) -> dict[str, Any]:
        return {"lists": self._open_lists, "folder": self._folder, "mode": self._mode}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["lists"], state["folder"], mode=state["mode"])  # type: ignore[misc]


class ScreenedResizer:
    """A resizer of img2dataset that sees only what may be kept."""

    def __init__(self, resizer: Callable[..., Any], screener: DownloadScreener, *, not_kept: str = NOT_KEPT) -> None:
        """`not_kept` is the error that the downloader's table shows; give it that of another failure to hide a hit."""
        if not callable(resizer):
            raise InputError("The resizer cannot be called.", hint="Give img2dataset's own Resizer(...).")
        self._resizer = resizer
        self._screener = screener
        self._not_kept = not_kept

    def __call__(self, img_stream: BinaryIO, *more: Any, **named: Any) -> Any:  # noqa: ANN401 - img2dataset's own
        img_stream.seek(0)
        look = self._screener.look(img_stream.read(), url=getattr(img_stream, "url", ""))
        if not look.may_keep:
            return None, None, None, None, None, f"{NOT_COMPARED}: {look.trouble}" if look.trouble else self._not_kept
        img_stream.seek(0)
        return self._resizer(img_stream, *more, **named)


class NamingDownloader:
    """A downloader of img2dataset whose downloads bring their URL along, which its resizer is not told."""

    def __init__(self, downloader: Callable[..., Any]) -> None:
        self._downloader = downloader

    def __call__(self, row: Any) -> Any:  # noqa: ANN401 - img2dataset's own
        module: Any = importlib.import_module("img2dataset.downloader")  # in a process of img2dataset's
        if not isinstance(module.download_image_with_retry, _Naming):
            module.download_image_with_retry = _Naming(module.download_image_with_retry)
        return self._downloader(row)


class _Naming:
    """img2dataset's way to get one download, with a stream that has its URL."""

    def __init__(self, plain: Callable[..., Any]) -> None:
        self._plain = plain

    def __call__(self, row: Any, *more: Any, **named: Any) -> Any:  # noqa: ANN401 - img2dataset's own
        key, stream, error = self._plain(row, *more, **named)
        return key, _Download(stream.getvalue(), row[1]) if stream is not None else None, error


class _Download(io.BytesIO):
    def __init__(self, data: bytes, url: str) -> None:
        super().__init__(data)
        self.url = url


def guard_img2dataset(screener: DownloadScreener) -> None:
    """Have every later `img2dataset.download` of this process, and of the processes that it starts, look first.

    Raises:
        MissingExtraError: img2dataset is not installed here, or is built otherwise than this knows.
        NotFoundError, InputError, StateError, IntegrityError, StorageError: the lists cannot be used.
    """
    screener.check()
    try:
        main: Any = importlib.import_module("img2dataset.main")  # its package has a function of the same name
        plain, plain_downloader = main.Resizer, main.Downloader
        _ = importlib.import_module("img2dataset.downloader").download_image_with_retry
    except (ImportError, AttributeError) as e:
        raise MissingExtraError(
            f"img2dataset cannot be guarded: {e}.",
            hint="Install it beside Firstlight (written for 1.47), or call DownloadScreener.look from your downloader.",
        ) from e

    def guarded(*args: Any, **named: Any) -> ScreenedResizer:  # noqa: ANN401 - img2dataset's own
        return ScreenedResizer(plain(*args, **named), screener)

    def naming(*args: Any, **named: Any) -> NamingDownloader:  # noqa: ANN401 - img2dataset's own
        return NamingDownloader(plain_downloader(*args, **named))

    main.Resizer, main.Downloader = guarded, naming
