"""All ways to cheat with a package."""

from __future__ import annotations

from custody.bad import bag, entries, second_parties, signed
from custody.bad.cheat import Cheat

CHEATS: list[Cheat] = [*bag.cheat.all, *signed.cheat.all, *entries.cheat.all, *second_parties.cheat.all]
