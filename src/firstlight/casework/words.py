"""Items that hold words and no picture: an account's stopped requests, and conversations.

They are looked into like everything else, so that nothing hides behind a name; what is said of them afterwards is what
they are, and not that they could not be opened.
"""

from __future__ import annotations

from typing import Final

from firstlight.casework.upload import Upload
from firstlight.origin import WORDS_ALONE
from firstlight.store.tables import Item
from firstlight.values import ErrorNote

ATTEMPTS_SOURCE: Final = "gate:attempts/"
"""How the sources of items begin that hold an account's stopped requests."""

_NO_PICTURE: Final = "unreadable.not-a-picture"

_ATTEMPTS: Final = ErrorNote(
    code=WORDS_ALONE,
    message="It is what an account asked an image generator for and the gate stopped; nothing was made.",
    hint="Read the words among the facts of the case, and decide from them.",
)
_CONVERSATION: Final = ErrorNote(
    code=WORDS_ALONE,
    message="It is a conversation, which a report carries word for word.",
    hint="Read the words among the facts of the case, and decide from them.",
)


def as_words(item: Item, note: ErrorNote | None) -> ErrorNote | None:
    """The note on an item that was looked into, in words that fit if it holds words and was no picture."""
    if note is None or note.code != _NO_PICTURE:
        return note
    if item.source.startswith(ATTEMPTS_SOURCE):
        return _ATTEMPTS
    return _CONVERSATION if Upload.from_json(item.upload).is_words_alone(item.sha256) else note
