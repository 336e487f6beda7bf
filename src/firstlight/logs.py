"""Logs that whoever runs the machine may read: what happened, never to whom or to which picture.

A line has an event (a fixed dotted word), a room, a level, a time, and fields. Only the fields named in `FIELDS` pass;
others are dropped and counted. A text passes only as a short token without spaces, so that no prompt, name or sentence
can, and what looks like a hash or the address of a machine or a person is masked. Nothing is sent anywhere: lines go to
the stream or file that `configure` was given, and before that nowhere.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import sys
import threading
import traceback
from collections.abc import Mapping, MutableMapping
from enum import StrEnum
from pathlib import Path
from typing import Any, TextIO, cast

import structlog
from structlog.typing import FilteringBoundLogger

from firstlight.clock import Clock, SystemClock, to_text
from firstlight.errors import FirstlightError, InputError, StorageError

FIELDS: Mapping[str, str] = {
    "attempt": "which try this is",
    "bank": "a bank's name",
    "bytes": "a number of bytes",
    "case": "a case's own number",
    "code": "the code of an error or a finding",
    "count": "how many",
    "done": "how many of `total` are finished",
    "error": "an error's code, or its class when it is not one of ours",
    "filing": "a filing's own number",
    "generation": "which generation of a file or table",
    "item": "an item's own number",
    "job": "a job's own number",
    "kind": "which kind of thing",
    "lane": "a lane of the queue",
    "library": "the library that spoke",
    "limit": "the limit that was reached",
    "lost": "lines that could not be written before this one",
    "media_type": "a sniffed media type",
    "method": "a method of HTTP",
    "mode": "which of several ways",
    "ms": "how many milliseconds",
    "pid": "a process",
    "port": "a port on this machine",
    "reason": "why, as a fixed word",
    "request": "a request's own random number, which its answer carries as well",
    "route": "the template of an address, with names instead of values",
    "seconds": "how long",
    "state": "a state of an item, filing or job",
    "status": "a status that a server answered",
    "step": "a step of a longer act",
    "task": "a task's name",
    "total": "how many there are",
    "trace": "where in the code, without any value",
    "version": "a version",
    "worker": "a worker's number",
}
"""Every field that may stand in a line, and what it holds."""

MASK = "[masked]"
TEXT_REMOVED = "[text removed]"
UNNAMED = "unnamed"

_EVENT = re.compile(r"[a-z][a-z0-9]*([.-][a-z0-9]+)*")
_LONGEST_EVENT = 64
_TOKEN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/+-]*")
_LONGEST_TOKEN = 64
_LARGEST_NUMBER = 2**63  # above that it is no count or size any more, but may be a hash written as a number
_FRAMES_OF_A_TRACE = 12
_SILENT = logging.CRITICAL + 1

_SENSITIVE = re.compile(
    r"""
      [0-9A-Fa-f]{32,}                                # a digest or PDQ hash in hex
    | (?:[0-9A-Fa-f]{2}[:.-]){15,}[0-9A-Fa-f]{2}      # the same, byte by byte
    | [A-Za-z0-9+/_]{40,}                             # the same in base64, or a key
    | \d{1,3}(?:\.\d{1,3}){3}                         # IPv4
    | (?:[0-9A-Fa-f]{0,4}:){2,}[0-9A-Fa-f.]*          # IPv6, and hardware addresses
    | [^\s@]+@[^\s@]+                                 # e-mail
    """,
    re.VERBOSE,
)


class Style(StrEnum):
    """How a line is written: for a person, or as one JSON object."""

    HUMAN = "human"
    JSON = "json"


class _Sink:
    """Where the lines of this process go. A line that cannot be written is counted and never stops the work."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stream: TextIO | None = None
        self._owned = False
        self.style, self.level, self.lost = Style.HUMAN, _SILENT, 0
        self.clock: Clock = SystemClock()
        self.file: dict[str, str] = {}

    def open(self, stream: TextIO, owned: bool, style: Style, level: int, clock: Clock) -> None:
        self.close()
        with self._lock:
            self._stream, self._owned, self.style, self.level, self.clock = stream, owned, style, level, clock

    def close(self) -> None:
        with self._lock:
            if self._owned and self._stream is not None:
                with contextlib.suppress(OSError):
                    self._stream.close()
            self._stream, self._owned, self.level, self.lost = None, False, _SILENT, 0

    def msg(self, line: str) -> None:
        with self._lock:
            if self._stream is None:
                return
            try:
                self._stream.write(line + "\n")
                self._stream.flush()
            except (OSError, ValueError):  # full disk, closed pipe, closed stream
                self.lost += 1
            else:
                self.lost = 0

    debug = info = warning = error = critical = msg


_sink = _Sink()


def configure(
    *, to: TextIO | Path | None = None, style: Style = Style.HUMAN, level: str = "info", clock: Clock | None = None
) -> None:
    """Send this process's lines of this level and above to a stream or to the end of a file; to stderr by default.

    Messages of libraries appear too, as the library's name alone. A new file can be read by its owner only.

    Raises:
        InputError: there is no such level.
        StorageError: the file cannot be opened for writing.
    """
    number = logging.getLevelNamesMapping().get(level.upper())
    if number is None:
        raise InputError(f"{level!r} is no level of logging.", hint="Use debug, info, warning or error.")
    owned = isinstance(to, Path)
    stream = _opened(to) if isinstance(to, Path) else to or sys.stderr
    _sink.open(stream, owned, style, number, clock or SystemClock())
    _sink.file = {"to": str(to), "style": style.value, "level": level} if isinstance(to, Path) else {}
    root = logging.getLogger()
    if not any(isinstance(handler, _LibraryHandler) for handler in root.handlers):
        root.addHandler(_LibraryHandler(logging.WARNING))


def file() -> dict[str, str]:
    """The file that lines go to, with style and level, as texts for `configure_file` in another process; empty where
    they go elsewhere or nowhere."""
    return dict(_sink.file)


def configure_file(given: Mapping[str, str]) -> None:
    """Send this process's lines where those of another one go, whose `file` this is.

    Raises:
        StorageError: the file cannot be opened for writing.
    """
    if given:
        configure(to=Path(given["to"]), style=Style(given["style"]), level=given["level"])


def close() -> None:
    """Write no more lines, and close the file if `configure` opened one."""
    _sink.close()
    _sink.file = {}


def get_logger(room: str) -> FilteringBoundLogger:
    """The logger of a room: `get_logger("media").warning("worker-died", worker=3, error=e)`.

    Until `configure` is called, and in a process that never calls it, its lines go nowhere.
    """
    logger = structlog.wrap_logger(
        _sink,
        processors=[structlog.processors.add_log_level, _drop_below_level, _checked, _rendered],
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
        room=room,
    )
    return cast("FilteringBoundLogger", logger)


def _opened(path: Path) -> TextIO:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as e:
        raise StorageError(
            f"The log file {path} cannot be opened: {e.strerror}.", hint="Name a file in a folder that may be written."
        ) from e
    return os.fdopen(descriptor, "a", encoding="utf-8")


def _drop_below_level(_logger: object, _name: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    if logging.getLevelNamesMapping()[line["level"].upper()] < _sink.level:
        raise structlog.DropEvent
    return line


def _checked(_logger: object, _name: str, line: MutableMapping[str, Any]) -> dict[str, object]:
    """The line with nothing in it that has not been agreed."""
    event, level, room = line.pop("event", ""), line.pop("level"), line.pop("room")
    named = isinstance(event, str) and len(event) <= _LONGEST_EVENT and _EVENT.fullmatch(event)
    out: dict[str, object] = {"at": to_text(_sink.clock.now()), "level": level, "room": _safe(room)}
    out["event"] = _masked(event) if named else UNNAMED
    error = _error_of(line.pop("exc_info", None))
    if error is not None:
        line.setdefault("error", error)
        out["trace"] = _trace(error)
    dropped = 0
    for name, value in line.items():
        if name in FIELDS and name not in out:
            out[name] = _safe(value)
        else:
            dropped += 1
    if dropped:
        out["dropped"] = dropped
    if _sink.lost:
        out["lost"] = _sink.lost
    return out


def _safe(value: object) -> object:
    """The value, if it is a small number, a truth value, nothing, or a short token without anything to mask in it."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value) if abs(value) < _LARGEST_NUMBER else MASK
    if isinstance(value, float):
        return value if abs(value) < _LARGEST_NUMBER else MASK  # not a number and infinity are masked too
    if isinstance(value, FirstlightError):
        return _safe(value.diagnostics().code)
    if isinstance(value, BaseException):
        return type(value).__name__
    if isinstance(value, str) and len(value) <= _LONGEST_TOKEN and _TOKEN.fullmatch(value):
        return _masked(str(value))
    return _masked(value) if isinstance(value, str) and _SENSITIVE.fullmatch(value) else TEXT_REMOVED


def _masked(text: str) -> str:
    return _SENSITIVE.sub(MASK, text)


def _error_of(given: object) -> BaseException | None:
    """The exception that `exc_info` means: itself, the one at hand for True, or that of a triple."""
    if isinstance(given, BaseException):
        return given
    if isinstance(given, tuple) and len(given) == 3:
        return given[1] if isinstance(given[1], BaseException) else None
    return sys.exception() if given else None


def _trace(error: BaseException) -> str:
    """Where the error came up, innermost last: file, line and function, never a value or a message."""
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES_OF_A_TRACE:]
    return " > ".join(f"{Path(frame.filename).name}:{frame.lineno}:{frame.name}" for frame in frames)


def _rendered(_logger: object, _name: str, line: MutableMapping[str, Any]) -> str:
    if _sink.style is Style.JSON:
        return json.dumps(line, ensure_ascii=True)
    head = f"{line.pop('at')} {line.pop('level'):<8}{line.pop('room')}: {line.pop('event')}"
    return " ".join([head, *(f"{name}={value}" for name, value in line.items())])


class _LibraryHandler(logging.Handler):
    """Lets a library's warning be known without its text, which may hold anything."""

    def emit(self, record: logging.LogRecord) -> None:
        """Say which library spoke."""
        get_logger("library").warning("message", library=record.name)


__all__ = [
    "FIELDS",
    "MASK",
    "TEXT_REMOVED",
    "UNNAMED",
    "Style",
    "close",
    "configure",
    "configure_file",
    "file",
    "get_logger",
]
