"""What every exchange shares: what it asks of the operator, the pages it fetches, and what is sent back to it.

An exchange keeps nothing. Whoever fetches takes the records of a page first and keeps the page's checkpoint after that,
so that a stop at any moment costs at most one page, which is then fetched again and changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from firstlight.banks.entry import Entry
from firstlight.banks.importer import Found
from firstlight.errors import InputError

TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "string": (str,), "number": (int, float), "boolean": (bool,), "enum": (str,), "set_of_number": (list, tuple),
    "object": (dict,),
}  # fmt: skip
"""Kinds of fields, and what a value of each is in JSON."""


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that an exchange asks for."""

    name: str
    type: str
    help: str
    required: bool = False
    default: Any = None
    choices: tuple[str, ...] | None = None

    def shown(self) -> dict[str, Any]:
        """The field as a form is built from it."""
        choices = None if self.choices is None else list(self.choices)
        return {
            "name": self.name, "type": self.type, "required": self.required, "default": self.default,
            "help": self.help, "choices": choices,
        }  # fmt: skip

    def checked(self, value: Any) -> Any:  # noqa: ANN401 - any JSON value
        """The value, or the default where it is none.

        Raises:
            InputError: it is missing, or no value of this field.
        """
        if value is None or value == "":
            if self.required and self.default is None:
                raise InputError(f"{self.name} is missing: {self.help}.", hint=f"Give it as {self.name}=...")
            return self.default
        fits = isinstance(value, TYPES[self.type]) and (self.type == "boolean" or not isinstance(value, bool))
        if self.type == "set_of_number":
            fits = fits and all(isinstance(one, int) and not isinstance(one, bool) for one in value)
        if not fits or (self.choices is not None and value not in self.choices):
            wanted = f"one of {', '.join(self.choices)}" if self.choices else f"a {self.type.replace('_', ' ')}"
            raise InputError(f"{self.name} is not {wanted}.", hint=f"It is: {self.help}.")
        return value

    def from_text(self, text: str) -> Any:  # noqa: ANN401 - any JSON value
        """The value that a person wrote.

        Raises:
            InputError: it cannot be one.
        """
        try:
            if self.type == "number":
                return int(text)
            if self.type == "set_of_number":
                return [int(one) for one in text.split(",") if one.strip()]
            if self.type == "object":
                return dict(pair.split("=", 1) for pair in text.split(","))
        except ValueError as e:
            raise InputError(f"{self.name} cannot be {text!r}.", hint=f"It is: {self.help}.") from e
        if self.type == "boolean":
            return {"true": True, "yes": True, "false": False, "no": False}.get(text.lower(), text)
        return text


@dataclass(frozen=True, slots=True)
class Page:
    """Some records, and where to go on once they are taken. `complete`: they are all that the list holds now."""

    items: Iterator[Found]
    checkpoint: Mapping[str, Any]
    done: bool
    complete: bool = False


@dataclass(frozen=True, slots=True)
class Access:
    """How one exchange is reached: its configuration and credentials, both checked, and the time."""

    config: Mapping[str, Any]
    credentials: Mapping[str, Any]
    now: datetime


@dataclass(frozen=True, slots=True)
class Opinion:
    """What this house says of an entry: it is right, or it is wrong and why."""

    entry: Entry
    right: bool
    reason: str = ""


class Exchange(Protocol):
    """One kind of exchange, in a file of its own below `exchanges/`."""

    @property
    def name(self) -> str:
        """What people and clients call it by."""
        ...

    @property
    def says(self) -> str:
        """One line about what it fetches."""
        ...

    @property
    def config(self) -> tuple[Field, ...]:
        """What one exchange of the kind needs to know."""
        ...

    @property
    def credentials(self) -> tuple[Field, ...] | None:
        """What it has to show there; none if nothing."""
        ...

    @property
    def shares_credentials(self) -> bool:
        """Whether all exchanges of the kind may use the same: they speak with the same service."""
        ...

    @property
    def takes_opinions(self) -> bool:
        """Whether it wants to know which entries were right."""
        ...

    def pages(self, access: Access, checkpoint: Mapping[str, Any] | None) -> Iterator[Page]:
        """Fetch from the checkpoint on, to the end of what there is now. Each page is taken before the next.

        Raises:
            UpstreamError: it did not answer, refused, or answered with something else than agreed.
        """
        ...

    def up_to(self, checkpoint: Mapping[str, Any]) -> datetime | None:
        """The time up to which everything was fetched."""
        ...

    def send(self, access: Access, opinions: Sequence[Opinion]) -> Iterator[str]:
        """Tell the exchange; answers the key of each entry that was told.

        Raises:
            UpstreamError: it did not take one.
            InputError: something is needed for it that is not there.
        """
        ...


def checked(fields: Sequence[Field], values: Mapping[str, Any], what: str) -> dict[str, Any]:
    """The values of all fields, unknown ones refused.

    Raises:
        InputError: one is missing, wrong or unknown.
    """
    known = {field.name for field in fields}
    if strange := sorted(set(values) - known):
        raise InputError(f"{strange[0]!r} is no {what}.", hint=f"There are {', '.join(sorted(known)) or 'none'}.")
    return {field.name: field.checked(values.get(field.name)) for field in fields}
