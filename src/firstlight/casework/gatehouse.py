"""Puts a gate together over a home: its rules, banks and scorers, its marks, its ledger, and who may ask."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from firstlight.casework.examine import PRELOAD as EXAMINATION
from firstlight.casework.gatekeeping import GateBook, GateFolder
from firstlight.casework.generations import LedgerBook, askers, open_ledger, signing_key
from firstlight.casework.home import Home
from firstlight.errors import InputError, StateError
from firstlight.gate.checks import BanksCheck, PictureCheck, PromptCheck, RulesCheck
from firstlight.gate.guard import Guard
from firstlight.gate.http import GateApp
from firstlight.gate.http.attest import PACE, AttestEndpoint, Pace
from firstlight.gate.http.proxy import ImageProxy
from firstlight.gate.ledger import Attestor, Ledger
from firstlight.gate.marking import Marker
from firstlight.gate.moderation import Moderation, PictureModeration
from firstlight.gate.pictures import GATE_PRELOAD
from firstlight.gate.pipeline import Gate
from firstlight.gate.rules import Outcome
from firstlight.gate.scoring import Scorer, ScorersCheck
from firstlight.media import Cage

PRELOAD = tuple(dict.fromkeys((*GATE_PRELOAD, *EXAMINATION)))
"""What the cage of a gate over a home has to load: `Cage(preload=PRELOAD)`, before the home is opened."""


@dataclass(frozen=True, slots=True)
class GateSettings:
    """How a gate is to be. `scorers` are sets of a model card and its threshold, by name; all of a set have to agree.

    `unarmed` lets it stand without rules or banks, which is for trying it. `on_failure` says what the failure of a
    check means where it should not block.
    """

    name: str = "generator"
    marker: Marker | None = None
    ledger: bool = True
    banks: tuple[str, ...] | None = None
    moderation: Moderation | None = None
    moderate_pictures: bool = False
    scorers: Mapping[str, tuple[tuple[Path, float], ...]] = field(default_factory=dict)
    on_failure: Mapping[str, Outcome] = field(default_factory=dict)
    unarmed: bool = False
    pace: int = PACE


@dataclass(frozen=True, slots=True)
class Gatehouse:
    """A gate over a home, ready to be used in this process or to be served."""

    home: Home
    folder: GateFolder
    gate: Gate
    ledger: Ledger | None
    settings: GateSettings

    def application(self, proxy: ImageProxy | None = None) -> GateApp:
        """What is served: the proxy where there is one, opinions, and the ledger's answers."""
        return GateApp(self.gate, proxy, self._attest())

    def _attest(self) -> AttestEndpoint | None:
        if self.ledger is None:
            return None
        attestor = Attestor(self.ledger, self.settings.name, signing_key(self.folder))
        return AttestEndpoint(attestor, lambda: askers(self.folder), self.home.clock, Pace(self.settings.pace))


@contextlib.contextmanager
def opened_gate(home: Home, cage: Cage, settings: GateSettings | None = None) -> Iterator[Gatehouse]:
    """A gate over this home while it is open. In a program of your own:

        with Cage(preload=PRELOAD) as cage, Home.open(folder) as home, opened_gate(home, cage) as house:
            admission = house.gate.let_in(Prompt("a lake"), model=Model("garden"))
            released = house.gate.let_out(picture, admission)

    Raises:
        StateError: no rules are armed or there is no bank, and the settings do not allow that; or another gate has
            the ledger open.
        InputError: a check is named that there is not.
    """
    settings = settings or GateSettings()
    folder = GateFolder(home)
    with contextlib.ExitStack() as stack:
        prompts, pictures = _checks(folder, cage, settings)
        _check_names(settings, [*(one.name for one in prompts), *(one.name for one in pictures)])
        book = GateBook(folder, cage)
        stack.callback(book.close)
        guard = stack.enter_context(
            Guard(
                cage,
                prompts=prompts,
                pictures=pictures,
                keep=book.keep,
                clock=home.clock,
                on_failure=dict(settings.on_failure),
            )
        )
        guard.warm_up()
        ledger = stack.enter_context(open_ledger(folder)) if settings.ledger else None
        remember = LedgerBook(folder, ledger).remember if ledger is not None else None
        gate = Gate(guard, marker=settings.marker, remember=remember, clock=home.clock)
        yield Gatehouse(home, folder, gate, ledger, settings)


def _check_names(settings: GateSettings, names: list[str]) -> None:
    """A slip in a name would otherwise show on the day of the failure."""
    unknown = sorted(set(settings.on_failure) - set(names))
    if unknown:
        raise InputError(f"There is no check named {unknown[0]}.", hint=f"This gate's checks: {', '.join(names)}.")


def _checks(folder: GateFolder, cage: Cage, settings: GateSettings) -> tuple[list[PromptCheck], list[PictureCheck]]:
    prompts: list[PromptCheck] = []
    rules = folder.armed()
    if rules is not None:
        prompts.append(RulesCheck(rules))
    library = folder.home.library
    pictures: list[PictureCheck] = [BanksCheck(library, banks=settings.banks)]
    if not settings.unarmed and (rules is None or not library.banks()):
        missing = "no rules are armed" if rules is None else "there is no bank"
        raise StateError(
            f"The gate is not armed: {missing}.",
            hint="`firstlight gate rules` and `firstlight bank` arm it; --unarmed lets it stand open, for trying it.",
        )
    if settings.moderation is not None:
        prompts.append(settings.moderation)
        if settings.moderate_pictures:
            pictures.append(PictureModeration(settings.moderation))
    for name, cards in settings.scorers.items():
        pictures.append(ScorersCheck(name, cage, [Scorer.load(card, threshold) for card, threshold in cards]))
    return prompts, pictures
