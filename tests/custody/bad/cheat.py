"""A way to cheat with a package, and the refusal that it must get."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from custody.forger import Forger

RECORD = "data/records/uploads.json"


@dataclass(frozen=True)
class Cheat:
    """What a cheat is called is its function's name. `where` and `what` are the exact words of the verifier."""

    name: str
    act: Callable[[Forger], None]
    where: str
    what: str
    key_given: bool = False


class Cheats:
    """Collects the cheats of one file."""

    def __init__(self) -> None:
        self.all: list[Cheat] = []

    def __call__(
        self, where: str, what: str, *, key_given: bool = False
    ) -> Callable[[Callable[[Forger], None]], Callable[[Forger], None]]:
        def keep(act: Callable[[Forger], None]) -> Callable[[Forger], None]:
            self.all.append(Cheat(act.__name__, act, where, what, key_given))
            return act

        return keep
