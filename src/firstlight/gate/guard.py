"""The guard: one object that looks at what goes into an image generator and at what comes out of it.

Each check has a budget of time and a breaker. A check that cannot be made closes the gate. What was decided goes to
`keep`, which writes it down and holds what a person has to see; a decision that cannot be written down is a refusal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Final, Self, TypeAlias

from firstlight.clock import Clock, SystemClock
from firstlight.errors import LimitError
from firstlight.gate.checks import PictureCheck, Prompt, PromptCheck, RulesCheck, Said
from firstlight.gate.decision import CheckNote, CheckState, Decision, Stage, new_decision_id
from firstlight.gate.pictures import NEAR, SeenPicture, distance, look_at, plain_picture
from firstlight.gate.rules import Outcome, worst
from firstlight.gate.text import LONGEST_PROMPT
from firstlight.gate.watch import Ran, Watch
from firstlight.logs import get_logger
from firstlight.media import Cage
from firstlight.values import Reason, Sha256Hex

_log = get_logger("gate")

LOOKING: Final = 20.0
"""Seconds in which a caged worker has to have decoded a picture: a loaded machine takes one."""

MOST_INPUTS: Final = 32
"""Input pictures of one request: the interfaces take sixteen."""


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, as far as the service knows: an account of its own naming, an address. Empty when unknown."""

    account: str = ""
    ip: str = ""
    port: int | None = None
    model: str = ""


@dataclass(frozen=True, slots=True)
class Stopped:
    """What goes with a decision to whoever keeps it: the words and pictures that it is about. `pictures` are those that
    a check spoke of, each once; `inputs` names what went in, where the decision is on an output."""

    asker: Asker = Asker()
    prompt: Prompt | None = None
    pictures: tuple[bytes, ...] = field(default=(), repr=False)
    inputs: tuple[Sha256Hex, ...] = ()


Keep: TypeAlias = Callable[[Decision, Stopped], None]
"""Writes a decision down, holds what a person has to see, and counts attempts; raises if it cannot."""


@dataclass(frozen=True, slots=True)
class InputsSeen:
    """The decision on input pictures, and the pictures as they were seen, for the check of the output."""

    decision: Decision
    pictures: tuple[SeenPicture, ...] = ()


@dataclass(frozen=True, slots=True)
class OutputSeen:
    """The decision on an output, and the output as it was seen, if it could be decoded."""

    decision: Decision
    picture: SeenPicture | None = None


class Guard:
    """Looks at prompts, input pictures and outputs. Thread-safe; a context manager.

    Without checks everything that can be decoded is allowed: `is_armed` says whether any word or picture is looked at.
    """

    def __init__(
        self,
        cage: Cage,
        *,
        prompts: Sequence[PromptCheck] = (),
        pictures: Sequence[PictureCheck] = (),
        keep: Keep | None = None,
        clock: Clock | None = None,
        on_failure: dict[str, Outcome] | None = None,
    ) -> None:
        self._cage = cage
        self._prompts = tuple(prompts)
        self._pictures = tuple(pictures)
        self._keep = keep
        self._clock = clock or SystemClock()
        self._looking = Watch(LOOKING)
        means = on_failure or {}
        checks: tuple[PromptCheck | PictureCheck, ...] = (*self._prompts, *self._pictures)
        self._watches = {one.name: Watch(one.budget, means.get(one.name, Outcome.BLOCK)) for one in checks}
        self._pool = ThreadPoolExecutor(16, "gate")

    @property
    def is_armed(self) -> bool:
        """Whether words are looked at, and pictures."""
        return bool(self._prompts) and bool(self._pictures)

    @property
    def checks(self) -> dict[str, str]:
        """The checks by name, each `ready` or `given-up` for the moment."""
        return {name: "given-up" if one.breaker.is_open else "ready" for name, one in self._watches.items()}

    @property
    def rules_sha256(self) -> Sha256Hex | None:
        """Which term rules are in force."""
        for one in self._prompts:
            if isinstance(one, RulesCheck):
                return one.rules.rules.sha256
        return None

    def warm_up(self) -> None:
        """Have everything loaded and compiled before the first request: what takes seconds once must not count against
        a check's budget. Checks that ask another host are left alone.

        Raises:
            FirstlightError: the workers cannot decode, or a check cannot be made; such a gate must not be opened.
        """
        from firstlight.index import warm_up  # loads the compiler

        warm_up()  # the first bank may be made while the gate stands open
        picture = look_at(self._cage, plain_picture())
        for one in self._pictures:
            if not getattr(one, "asks_a_host", False):
                one.check_picture(picture)

    # --- the three stages ---

    def check_prompt(
        self, text: str, *, negative: str = "", surface: str = "image", asker: Asker | None = None
    ) -> Decision:
        """Decide on the words of a request, before anything is generated. Never raises for what they say."""
        prompt = Prompt(text, negative, surface)
        said = self._all([(one.name, partial(one.check_prompt, prompt)) for one in self._prompts])
        if max(len(text), len(negative)) > LONGEST_PROMPT:
            said.append(_failed("length", Ran(0.0, code="limit.prompt"), Outcome.BLOCK))
        decision = self._decision(Stage.PROMPT, said)
        return self._kept(decision, Stopped(asker or Asker(), prompt))

    def check_inputs(
        self, pictures: Sequence[bytes], *, prompt: Prompt | None = None, asker: Asker | None = None
    ) -> InputsSeen:
        """Decide on the pictures of a request, as strictly as on outputs. One that cannot be decoded is refused."""
        seen: list[SeenPicture] = []
        parts: list[_Part] = []
        if len(pictures) > MOST_INPUTS:
            error = LimitError("There are too many pictures.", code="limit.inputs")
            parts.append(_failed("pictures", Ran(0.0, code=error.diagnostics().code), Outcome.BLOCK))
        for data in pictures[:MOST_INPUTS]:
            one, found = self._look(data)
            parts += found
            seen += [one] if one else []
        decision = self._decision(Stage.INPUTS, parts)
        stopped = Stopped(asker or Asker(), prompt, _spoken_of(seen, parts))
        return InputsSeen(self._kept(decision, stopped), tuple(seen))

    def check_output(
        self,
        data: bytes,
        *,
        inputs: Sequence[SeenPicture] = (),
        prompt: Prompt | None = None,
        asker: Asker | None = None,
    ) -> OutputSeen:
        """Decide on a picture that the generator made; a near-duplicate of an input is noted.

        A preview is an output: look at each before it leaves.
        """
        picture, parts = self._look(data)
        near = _nearest(picture, inputs) if picture else None
        decision = self._decision(Stage.OUTPUT, parts, near_input=near, subject=picture)
        went_in = tuple(one.digests.sha256 for one in inputs)
        shown = _spoken_of([picture] if picture else [], parts)
        return OutputSeen(self._kept(decision, Stopped(asker or Asker(), prompt, shown, went_in)), picture)

    # --- inside ---

    def _look(self, data: bytes) -> tuple[SeenPicture | None, list[_Part]]:
        """The picture, and what all checks say of it; a picture that cannot be decoded is refused."""
        ran = self._looking.run(lambda: look_at(self._cage, data))
        picture = ran.answer
        if picture is None:
            return None, [_failed("decoding", ran, Outcome.BLOCK)]
        parts = self._all([(one.name, partial(one.check_picture, picture)) for one in self._pictures])
        return picture, [part.of(picture) for part in parts]

    def _all(self, calls: list[tuple[str, Callable[[], Said]]]) -> list[_Part]:
        """Make all checks; where several may wait for others, those at the same time."""
        at_once = sum(bool(self._watches[name].budget) for name, _ in calls) > 1
        waiting: list[tuple[str, Watch, Future[Ran[Said]] | Callable[[], Said]]] = []
        for name, call in calls:
            watch = self._watches[name]
            waiting.append((name, watch, self._pool.submit(watch.run, call) if watch.budget and at_once else call))
        out = []
        for name, watch, one in waiting:
            ran = one.result() if isinstance(one, Future) else watch.run(one)
            out.append(_part(name, ran) if ran.answer else _failed(name, ran, watch.on_failure))
        return out

    def _decision(
        self,
        stage: Stage,
        parts: list[_Part],
        *,
        near_input: Sha256Hex | None = None,
        subject: SeenPicture | None = None,
    ) -> Decision:
        outcome = worst(part.note.outcome for part in parts)
        because = [reason for part in parts for reason in part.said.reasons]
        if near_input:
            says = "The output is a near-duplicate of a picture that went in."
            because.append(Reason(rule="gate.near-input", says=says))
        decisive = next((part.subject for part in parts if part.note.outcome is outcome and part.subject), None)
        return Decision(
            id=new_decision_id(),
            stage=stage,
            at=self._clock.now(),
            outcome=outcome,
            reason=Reason(rule=f"gate.{stage.value}", says=_WORDS[outcome].format(stage.value), because=tuple(because)),
            checks=tuple(part.note for part in parts),
            rules=tuple(hit for part in parts for hit in part.said.rules),
            banks=tuple(hit for part in parts for hit in part.said.banks),
            subject=subject.digests.sha256 if subject else decisive,
            near_input=near_input,
        )

    def _kept(self, decision: Decision, stopped: Stopped) -> Decision:
        """The decision, written down; a refusal in its place when that fails."""
        if self._keep is None:
            return decision
        try:
            self._keep(decision, stopped)
        except Exception as e:  # noqa: BLE001 - whatever keeps it from being written down closes the gate
            _log.error("decision.lost", error=e, exc_info=True)
            because = Reason(rule="gate.unrecorded", says="The decision could not be written down.")
            reason = decision.reason.model_copy(update={"because": (*decision.reason.because, because)})
            outcome = worst((decision.outcome, Outcome.BLOCK))
            return decision.model_copy(update={"outcome": outcome, "reason": reason})
        return decision

    def close(self) -> None:
        """Let go of the threads."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._looking.close()
        for watch in self._watches.values():
            watch.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self.close()


_WORDS = {
    Outcome.ALLOW: "Nothing speaks against the {}.",
    Outcome.REVIEW: "The {} is held until a person has looked.",
    Outcome.BLOCK: "The {} is refused.",
}


_NOTHING = Said()


@dataclass(frozen=True, slots=True)
class _Part:
    """What one check said, as it stands in a decision."""

    note: CheckNote
    said: Said = _NOTHING
    subject: Sha256Hex | None = None

    def of(self, picture: SeenPicture) -> _Part:
        return _Part(self.note, self.said, picture.digests.sha256)


def _part(name: str, ran: Ran[Said]) -> _Part:
    said = ran.answer or Said()
    spoke = bool(said.reasons) or said.outcome is not Outcome.ALLOW
    state = CheckState.SPOKE if spoke else CheckState.PASSED
    return _Part(CheckNote(name=name, state=state, outcome=said.outcome, milliseconds=ran.milliseconds), said)


def _failed(name: str, ran: Ran[Said] | Ran[SeenPicture], outcome: Outcome) -> _Part:
    says = f"The check {name} could not be made ({ran.code})."
    note = CheckNote(name=name, state=CheckState.FAILED, outcome=outcome, milliseconds=ran.milliseconds, code=ran.code)
    return _Part(note, Said(outcome, (Reason(rule="gate.failed", says=says, facts={"code": ran.code}),)))


def _spoken_of(seen: Sequence[SeenPicture], parts: Sequence[_Part]) -> tuple[bytes, ...]:
    """The pictures that a check spoke of, and not only those that decided: each may be a case of its own."""
    named = {
        part.subject for part in parts if part.note.state is CheckState.SPOKE and part.note.outcome is not Outcome.ALLOW
    }
    return tuple({one.digests.sha256: one.data for one in seen if one.digests.sha256 in named}.values())


def _nearest(picture: SeenPicture, inputs: Sequence[SeenPicture]) -> Sha256Hex | None:
    """The input to which the output is nearest, if it is a near-duplicate at all."""
    best: tuple[int, str] | None = None
    for one in inputs:
        same = one.digests.sha256 == picture.digests.sha256
        bits = 0 if same else distance(picture, one)
        if bits is not None and bits <= NEAR and (best is None or bits < best[0]):
            best = (bits, one.digests.sha256)
    return best[1] if best else None
