"""An append-only file of checksummed frames that several processes read while one at a time adds to it.

A frame is there whole or not at all. Each is made durable before the next is written, so a crash can only tear the
last one; a torn tail is cut off by the next writer. A broken frame with whole ones behind it is no torn tail but
damage, and is refused. A sealed log is closed for good: what follows stands elsewhere.

Many frames can be written in one step, as a group: one frame around them all. A group too is there whole or not at all,
and its frames are then read as any other. They bear another mark, so that those of a torn group do not look whole.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from firstlight.errors import InputError, IntegrityError, StorageError
from firstlight.index.disk import Disk, locked, open_file, put_file

_HEAD: Final = struct.Struct("<8sI16sI")
"""magic, version, id, checksum of what stands before."""
_FRAME: Final = struct.Struct("<4sIQIII")
"""magic, kind, number, length of the payload, its checksum, checksum of what stands before."""
_MAGIC: Final = b"FLlog\r\n\x00"
_MARK: Final = b"FL\xf5\n"
_INNER_MARK: Final = b"FL\xf5\v"
_VERSION: Final = 2
_WITHOUT_GROUPS: Final = 1
"""The version before: its logs are read, and go on without groups."""
_DATA, _SEAL, _GROUP = 0, 1, 2

HEAD_SIZE: Final = _HEAD.size
MAX_PAYLOAD: Final = 1 << 30
"""A frame is read into memory whole; nobody writes more than a gibibyte at once on purpose."""
READ_AHEAD: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame: where it starts, where the next one starts, its number from 0, and what it holds."""

    offset: int
    end: int
    number: int
    payload: bytes


class FrameLog:
    """A log file. Appending needs the writers' lock, which the owner of the log holds; reading needs none."""

    def __init__(self, path: Path, *, disk: Disk | None = None) -> None:
        """Open a log that is there.

        Raises:
            StorageError: it cannot be opened.
            IntegrityError: it is no log of this version.
        """
        self.path = path
        self._fd = -1
        self._disk = disk or Disk()
        self._fd = open_file(path, os.O_RDWR | os.O_APPEND)
        self.id = self._read_head()
        """16 random bytes that no other log has."""
        self.end = HEAD_SIZE
        """Where the last frame that was read ends."""
        self.frames = 0
        """How many frames were read."""
        self.sealed = False
        self._examined = -1

    @classmethod
    def create(cls, path: Path, *, disk: Disk | None = None, frames: bytes = b"") -> FrameLog:
        """Make a new log, whole and durable before its name appears; `frames` comes from `encode`."""
        head = _HEAD.pack(_MAGIC, _VERSION, os.urandom(16), 0)[:-4]
        put_file(disk or Disk(), path, head + zlib.crc32(head).to_bytes(4, "little") + frames)
        return cls(path, disk=disk)

    @staticmethod
    def encode(number: int, payload: bytes) -> bytes:
        """One frame as bytes, for `create`."""
        return _encode(_DATA, number, payload)

    def grown(self) -> bool:
        """Whether bytes stand behind the last frame that was read. One system call."""
        # Not `fstat`, whose answer of twenty numbers costs four times as much; nobody reads or writes where the file
        # stands.
        return os.lseek(self._fd, 0, os.SEEK_END) != self.end and not self.sealed

    def read(self) -> Iterator[Frame]:
        """The frames behind the last one read, in order. Stops at a tail that is not whole (yet)."""
        while not self.sealed:
            found = self._frame_at(self.end, self.frames)
            if found is None:
                return
            kind, payload, end, _ = found
            if kind == _GROUP:
                self.end += _FRAME.size  # it is whole: its frames are read one by one
                continue
            if kind == _SEAL:
                self.sealed = True
            else:
                yield Frame(self.end, end, self.frames, payload)  # a frame that could not be used is not passed over
            self.end, self.frames = end, self.frames + 1

    def frame(self, offset: int) -> Frame:
        """The frame that starts there; of a group its first.

        Raises:
            IntegrityError: no whole frame starts there.
        """
        found = self._frame_at(offset, None)
        if found is not None and found[0] == _GROUP:
            offset += _FRAME.size
            found = self._frame_at(offset, None)
        if found is None:
            raise self._damaged(offset)
        kind, payload, end, number = found
        if kind != _DATA:
            raise self._damaged(offset)
        return Frame(offset, end, number, payload)

    def skip(self, offset: int, frames: int) -> None:
        """Go on reading at a place that was reached before, where so many frames lie behind.

        Raises:
            IntegrityError: the log is shorter than that.
        """
        if os.fstat(self._fd).st_size < offset:
            raise self._damaged(offset)
        self.end, self.frames, self._examined = offset, frames, -1

    def append(self, payload: bytes) -> int:
        """Write one frame behind the last; readers see it at once, and it is durable when this returns. Answers where
        it ends.

        Only under the writers' lock and after everything was read; the frame itself is yet to be read. When the disk
        refuses a part, what was written is taken back and the log is as it was.
        """
        data = _encode(_DATA, self.frames, payload)
        self._append(data)
        return self.end + len(data)

    def append_group(self, payloads: Sequence[bytes]) -> list[tuple[int, int]]:
        """Write several frames in one step, durable when this returns: either all are there or none. Answers where each
        starts and ends. Under the same conditions."""
        grouped = self._version != _WITHOUT_GROUPS and len(payloads) > 1
        mark = _INNER_MARK if grouped else _MARK
        frames = [_encode(_DATA, self.frames + i, payload, mark) for i, payload in enumerate(payloads)]
        data, at = b"".join(frames), self.end
        if grouped:
            data, at = _encode(_GROUP, self.frames, data), self.end + _FRAME.size
        self._append(data)
        places = []
        for frame in frames:
            places.append((at, at + len(frame)))
            at += len(frame)
        return places

    def seal(self) -> None:
        """Close the log for good. Under the same conditions."""
        self._append(_encode(_SEAL, self.frames, b""))

    def mend(self) -> int:
        """Cut off a torn tail; answers how many bytes. Only under the writers' lock and after everything was read.

        Raises:
            IntegrityError: whole frames stand behind a broken one: this is damage, nothing is cut off.
        """
        size = os.fstat(self._fd).st_size
        if self.sealed or size <= self.end:
            return 0
        self._refuse_damage()
        self._disk.truncate(self._fd, self.end, self.path)
        return size - self.end

    def check_tail(self, lock: Path) -> None:
        """Tell a writer in the middle of its work, or a torn tail, from damage; looks once at each tail.

        Raises:
            IntegrityError: whole frames stand behind a broken one.
        """
        size = os.fstat(self._fd).st_size
        if size in (self.end, self._examined):
            return
        with locked(lock, shared=True, wait=False) as held:
            if held:
                if self._frame_at(self.end, self.frames) is None:
                    self._refuse_damage()
                self._examined = size

    def close(self) -> None:
        """Let go of the file. A second time does nothing."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __del__(self) -> None:
        self.close()

    def _append(self, data: bytes) -> None:
        if len(data) > MAX_PAYLOAD:
            raise InputError("This is too much for one write.", hint="Write it in smaller parts.")
        if os.fstat(self._fd).st_size != self.end:
            raise StorageError(f"{self.path} was changed by somebody without the lock.", hint="Open it again.")
        try:
            self._disk.write(self._fd, data, self.path)
        except StorageError:
            self._disk.truncate(self._fd, self.end, self.path)
            raise
        self._disk.sync_frame(self._fd, self.path)  # if this fails the frame stays: others may have read it already

    def _read_head(self) -> bytes:
        head = os.pread(self._fd, HEAD_SIZE, 0)
        if len(head) != HEAD_SIZE or zlib.crc32(head[:-4]) != int.from_bytes(head[-4:], "little"):
            raise IntegrityError(f"{self.path} is damaged at its start, or is no log.", hint="Restore it from a copy.")
        magic, version, ident, _ = _HEAD.unpack(head)
        if magic != _MAGIC or version not in (_WITHOUT_GROUPS, _VERSION):
            raise IntegrityError(
                f"{self.path} is no log of version {_VERSION}.", hint="Open it with the version that wrote it."
            )
        self._version = version
        return bytes(ident)

    def _frame_at(self, offset: int, number: int | None) -> tuple[int, bytes, int, int] | None:
        head = os.pread(self._fd, _FRAME.size, offset)
        parsed = _parse_head(head)
        if parsed is None or (number is not None and parsed[1] != number):
            return None
        kind, number, length, checksum = parsed
        payload = os.pread(self._fd, length, offset + _FRAME.size) if length else b""
        if len(payload) != length or zlib.crc32(payload) != checksum:
            return None
        return kind, payload, offset + _FRAME.size + length, number

    def _refuse_damage(self) -> None:
        """Look for a whole frame behind the broken one."""
        size, at, keep = os.fstat(self._fd).st_size, self.end + 1, b""
        while at < size:
            block = keep + os.pread(self._fd, READ_AHEAD, at + len(keep))
            found = block.find(_MARK)
            while found >= 0:
                if self._frame_at(at + found, None) is not None:
                    raise self._damaged(self.end)
                found = block.find(_MARK, found + 1)
            keep = block[-(len(_MARK) - 1) :]
            step = len(block) - len(keep)
            if step <= 0:
                return
            at += step

    def _damaged(self, offset: int) -> IntegrityError:
        return IntegrityError(
            f"{self.path} is damaged at byte {offset}; what stands behind it is not read.",
            hint="Restore the file from a copy, or import the lists again into a new library.",
            offset=offset,
        )


def _encode(kind: int, number: int, payload: bytes, mark: bytes = _MARK) -> bytes:
    head = _FRAME.pack(mark, kind, number, len(payload), zlib.crc32(payload), 0)[:-4]
    return head + zlib.crc32(head).to_bytes(4, "little") + payload


def _parse_head(head: bytes) -> tuple[int, int, int, int] | None:
    """Kind, number, length and checksum of the payload; none if this is not a whole frame head."""
    if len(head) != _FRAME.size or zlib.crc32(head[:-4]) != int.from_bytes(head[-4:], "little"):
        return None
    magic, kind, number, length, checksum, _ = _FRAME.unpack(head)
    if magic not in (_MARK, _INNER_MARK) or kind not in (_DATA, _SEAL, _GROUP) or length > MAX_PAYLOAD:
        return None
    return kind, number, length, checksum
