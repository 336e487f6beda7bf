"""Reading JSON of any size piece by piece: only one small value is in memory at a time."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from typing import IO, Any, Final

from firstlight.errors import InputError

MAX_VALUE: Final = 1 << 24
"""Characters of one value that is read whole. A record of a list has a few kilobytes."""
_BLOCK: Final = 1 << 16
_SPACE: Final = " \t\r\n"
_AFTER_NUMBER: Final = frozenset(",]} \t\r\n")


class JsonStream:
    """A place in a JSON text. The caller walks objects and arrays and reads the values in them."""

    def __init__(self, stream: IO[bytes], encoding: str) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
        self._json = json.JSONDecoder()
        self._text = ""
        self._at = 0
        self._ended = False

    def next_sign(self) -> str:
        """The next character that is no space, without passing it; empty at the end."""
        while True:
            while self._at < len(self._text) and self._text[self._at] in _SPACE:
                self._at += 1
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def take(self, sign: str) -> None:
        """Pass this character.

        Raises:
            InputError: another one stands there.
        """
        found = self.next_sign()
        if found != sign:
            raise InputError(
                f"The JSON is broken: {sign!r} should stand where {found or 'its end'!r} is.",
                hint="Get the file again, then import it again.",
            )
        self._at += 1

    def value(self) -> Any:  # noqa: ANN401 - any JSON value
        """Read the next value whole."""
        self.next_sign()
        while True:
            try:
                value, end = self._json.raw_decode(self._text, self._at)
            except json.JSONDecodeError as e:
                if len(self._text) - self._at > MAX_VALUE or not self._more():
                    raise InputError(
                        f"The JSON is broken: {e.msg}, or a single record is larger than {MAX_VALUE} characters.",
                        hint="Get the file again, then import it again.",
                    ) from e
                continue
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if number and self._text[end : end + 1] not in _AFTER_NUMBER and self._more():
                continue  # it may go on
            self._at = end
            return value

    def small_object(self) -> dict[str, Any] | None:
        """Read the object that begins here whole, if it is small; otherwise it is left for the caller to walk."""
        self.next_sign()
        for _ in range(2):
            try:
                value, end = self._json.raw_decode(self._text, self._at)
            except json.JSONDecodeError:
                if not self._more():
                    return None
                continue
            self._at = end
            return value if isinstance(value, dict) else {}
        return None

    def keys(self) -> Iterator[str]:
        """The keys of the object that begins here; the caller reads each one's value before the next."""
        self.take("{")
        while self.next_sign() != "}":
            key = self.value()
            self.take(":")
            yield str(key)
            if self.next_sign() == ",":
                self.take(",")
        self.take("}")

    def elements(self) -> Iterator[None]:
        """Stops at each element of the array that begins here; the caller reads it before the next."""
        self.take("[")
        while self.next_sign() != "]":
            yield None
            if self.next_sign() == ",":
                self.take(",")
        self.take("]")

    def _more(self) -> bool:
        if self._ended:
            return False
        block = self._stream.read(_BLOCK)
        self._ended = not block
        self._text = self._text[self._at :] + self._decoder.decode(block, final=self._ended)
        self._at = 0
        return not self._ended
