"""The guard: what is allowed, held and refused, and that it closes whenever a check cannot be made."""

from __future__ import annotations

import io
import json
import time
from pathlib import Path

import pytest
from PIL import Image

from casework.making import jpeg, picture, png
from firstlight.banks import Library, NewEntry
from firstlight.cli.demo.drawing import draw
from firstlight.clock import FixedClock
from firstlight.errors import StorageError, UpstreamError
from firstlight.gate.checks import BanksCheck, Prompt, RulesCheck, Said
from firstlight.gate.decision import CheckState, Decision, Stage
from firstlight.gate.guard import Asker, Guard, Stopped
from firstlight.gate.pictures import MIN_QUALITY, SeenPicture, look_at, plain_picture
from firstlight.gate.rules import Outcome
from firstlight.gate.scoring import Scorer, ScorersCheck
from firstlight.gate.watch import Breaker, Watch
from firstlight.media import Cage
from firstlight.values import BankPurpose, Reason
from gate.models import a_brightness_model
from gate.vegetables import rules


def as_png(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


class Check:
    """A check for tests: says what it is told to, after a while, or breaks."""

    def __init__(self, name: str = "test", *, said: Said | None = None, error: Exception | None = None) -> None:
        self.name = name
        self.budget = 0.2
        self.said = said or Said()
        self.error = error
        self.seconds = 0.0
        self.calls = 0

    def _answer(self) -> Said:
        self.calls += 1
        time.sleep(self.seconds)
        if self.error:
            raise self.error
        return self.said

    def check_prompt(self, prompt: Prompt) -> Said:
        return self._answer()

    def check_picture(self, picture: SeenPicture) -> Said:
        return self._answer()


def listed(library: Library, cage: Cage, data: bytes, *, exact: bool = True, bank: str = "known") -> None:
    seen = look_at(cage, data)
    library.create_bank(bank, BankPurpose.ALLOW if bank == "never" else BankPurpose.KNOWN)
    sha256 = seen.digests.sha256 if exact else None
    library.add(bank, [NewEntry(key="one", pdq=seen.hash.pdq.hex, sha256=sha256)])


def test_a_prompt_is_decided_by_the_rules(cage: Cage, clock: FixedClock) -> None:
    with Guard(cage, prompts=[RulesCheck(rules())], clock=clock) as guard:
        good = guard.check_prompt("a lake in the morning")
        bad = guard.check_prompt("a carrot in the cellar")
        near = guard.check_prompt("a carot in the cellar")
    assert (good.outcome, bad.outcome, near.outcome) == (Outcome.ALLOW, Outcome.BLOCK, Outcome.REVIEW)
    assert bad.reason.because[0].rule == "gate.rules.r1"
    assert bad.at == clock.now()
    assert Decision.from_json(bad.to_json()) == bad
    assert b"carrot" not in bad.to_json()
    assert not bad.failed_closed


def test_a_prompt_too_long_to_look_at_is_refused(cage: Cage) -> None:
    with Guard(cage, prompts=[RulesCheck(rules())]) as guard:
        decision = guard.check_prompt("x" * 40_000)
        assert decision.outcome is Outcome.BLOCK
        assert decision.failed_closed
        assert guard.check_prompt("a lake").allowed, "one request's fault is not the check's"


def test_listed_bytes_are_blocked_and_near_duplicates_held(cage: Cage, library: Library) -> None:
    listed(library, cage, jpeg(1))
    with Guard(cage, pictures=[BanksCheck(library)]) as guard:
        same = guard.check_inputs([jpeg(2), jpeg(1)]).decision
        near = guard.check_output(jpeg(1, quality=60)).decision
        other = guard.check_output(jpeg(3)).decision
    assert (same.outcome, same.banks[0].exact) == (Outcome.BLOCK, True)
    assert same.subject == look_at(cage, jpeg(1)).digests.sha256
    assert (near.outcome, near.banks[0].exact) == (Outcome.REVIEW, False)
    assert other.allowed
    for decision in (same, near):
        assert b'"one"' not in decision.to_json(), "no key of a list's entry leaves the bank"


def test_a_turned_copy_is_found(cage: Cage, library: Library) -> None:
    upright, turned = (as_png(draw(2).rotate(angle, expand=True)) for angle in (0, 90))
    listed(library, cage, upright)
    with Guard(cage, pictures=[BanksCheck(library)]) as guard:
        found = guard.check_output(turned).decision
    assert (found.outcome, found.banks[0].turned) == (Outcome.REVIEW, True)


def test_an_allow_bank_vetoes_a_near_duplicate(cage: Cage, library: Library) -> None:
    listed(library, cage, jpeg(1), exact=False)
    listed(library, cage, jpeg(1), bank="never")
    with Guard(cage, pictures=[BanksCheck(library)]) as guard:
        found = guard.check_output(jpeg(1, quality=60)).decision
    assert found.allowed
    assert found.banks[0].vetoed


def test_every_frame_of_what_moves_is_looked_up(cage: Cage, library: Library) -> None:
    listed(library, cage, jpeg(1), exact=False)
    out = io.BytesIO()
    first, *rest = (picture(seed) for seed in (5, 6, 1))
    first.save(out, "PNG", save_all=True, append_images=rest, duration=1000)
    with Guard(cage, pictures=[BanksCheck(library)]) as guard:
        assert guard.check_inputs([out.getvalue()]).decision.outcome is Outcome.REVIEW


@pytest.mark.parametrize("data", [b"", b"no picture", jpeg(1)[:2000], b"%PDF-1.7 " + b"x" * 100])
def test_what_cannot_be_decoded_is_refused(cage: Cage, data: bytes) -> None:
    with Guard(cage) as guard:
        for decision in (guard.check_inputs([data]).decision, guard.check_output(data).decision):
            assert decision.outcome is Outcome.BLOCK
            assert decision.failed_closed
            assert decision.checks[0].code.startswith("unreadable")


def test_more_inputs_than_any_interface_takes_are_refused(cage: Cage) -> None:
    with Guard(cage) as guard:
        assert not guard.check_inputs([b"x"] * 33).decision.allowed
        assert guard.check_inputs([]).decision.allowed


def test_a_near_duplicate_of_an_input_is_noted(cage: Cage) -> None:
    with Guard(cage) as guard:
        seen = guard.check_inputs([jpeg(4), jpeg(5)])
        repeated = guard.check_output(jpeg(5, quality=50), inputs=seen.pictures).decision
        new = guard.check_output(png(6), inputs=seen.pictures).decision
    assert repeated.allowed
    assert repeated.near_input == seen.pictures[1].digests.sha256
    assert repeated.reason.because[-1].rule == "gate.near-input"
    assert new.near_input is None


@pytest.mark.parametrize("error", [UpstreamError("gone"), ValueError("a fault"), MemoryError()])
def test_a_check_that_breaks_closes_the_gate(cage: Cage, error: Exception) -> None:
    check = Check(error=error)
    with Guard(cage, prompts=[check], pictures=[check]) as guard:
        for decision in (guard.check_prompt("a lake"), guard.check_output(jpeg(1)).decision):
            assert decision.outcome is Outcome.BLOCK
            assert decision.failed_closed
            assert decision.checks[-1].state is CheckState.FAILED


def test_a_check_that_hangs_closes_the_gate_within_its_budget(cage: Cage) -> None:
    check = Check()
    check.seconds, check.budget = 5, 0.05
    with Guard(cage, prompts=[check]) as guard:
        started = time.monotonic()
        assert guard.check_prompt("a lake").checks[0].code == "upstream.time"
        assert time.monotonic() - started < 4


def test_asking_how_the_checks_do_takes_no_budget_away(cage: Cage) -> None:
    check = Check()
    check.seconds, check.budget = 1, 0.05
    with Guard(cage, prompts=[check], pictures=[check]) as guard:
        assert guard.checks == {"test": "ready"}  # as the start of the gate does, and each look at its status
        assert guard.check_prompt("a lake").checks[0].code == "upstream.time"
        assert guard.check_output(jpeg(1)).decision.checks[-1].code == "upstream.time"


def test_the_operator_may_let_a_check_fail_open_or_to_review(cage: Cage) -> None:
    for wanted in (Outcome.ALLOW, Outcome.REVIEW):
        with Guard(cage, prompts=[Check(error=UpstreamError("gone"))], on_failure={"test": wanted}) as guard:
            decision = guard.check_prompt("a lake")
        assert decision.outcome is wanted
        assert decision.reason.because, "that it failed is told all the same"


def test_the_strictest_check_decides_and_all_reasons_are_told(cage: Cage) -> None:
    said = [Said(o, (Reason(rule=f"t.{o}", says="x"),)) for o in (Outcome.REVIEW, Outcome.BLOCK, Outcome.ALLOW)]
    checks = [Check(f"c{n}", said=one) for n, one in enumerate(said)]
    with Guard(cage, pictures=checks) as guard:
        decision = guard.check_output(jpeg(1)).decision
    assert decision.outcome is Outcome.BLOCK
    assert [reason.rule for reason in decision.reason.because] == ["t.review", "t.block", "t.allow"]


def test_a_breaker_gives_up_and_tries_again(cage: Cage) -> None:
    now = [0.0]
    watch = Watch(0, breaker=Breaker(failures=3, pause=10, monotonic=lambda: now[0]))
    check = Check(error=UpstreamError("gone"))

    def run() -> str:
        return watch.run(check._answer).code

    assert [run() for _ in range(5)] == ["upstream"] * 3 + ["upstream.given-up"] * 2
    assert check.calls == 3
    now[0] = 11
    assert [run(), run()] == ["upstream", "upstream.given-up"]
    check.error = None
    now[0] = 22
    assert [run(), run()] == ["", ""]


def test_what_is_decided_is_kept_or_refused(cage: Cage) -> None:
    kept: list[tuple[Decision, Stopped]] = []
    with Guard(cage, prompts=[RulesCheck(rules())], keep=lambda d, s: kept.append((d, s))) as guard:
        guard.check_prompt("carrot in a cellar", asker=Asker(account="u1"))
    assert kept[0][0].stage is Stage.PROMPT
    assert kept[0][1].asker.account == "u1"

    def refuses(_decision: Decision, _stopped: Stopped) -> None:
        raise StorageError("full")

    with Guard(cage, prompts=[RulesCheck(rules())], keep=refuses) as guard:
        decision = guard.check_prompt("a lake")
    assert decision.outcome is Outcome.BLOCK
    assert decision.reason.because[-1].rule == "gate.unrecorded"


def test_whatever_keeps_a_decision_from_being_kept_closes_the_gate(cage: Cage) -> None:
    def breaks(_decision: Decision, _stopped: Stopped) -> None:
        raise ValueError("a fault")

    with Guard(cage, keep=breaks) as guard:
        assert not guard.check_prompt("a lake").allowed
    with Guard(cage) as guard:
        assert not guard.check_prompt("x" * 40_000).allowed, "without rules too"


def test_what_a_gate_warms_up_with_goes_all_the_way(cage: Cage) -> None:
    assert look_at(cage, plain_picture()).hash.pdq.quality >= MIN_QUALITY, "else no bank is searched by pixels"


def test_a_gate_warms_up_or_does_not_open(cage: Cage, library: Library) -> None:
    check = Check()
    with Guard(cage, pictures=[BanksCheck(library), check]) as guard:
        guard.warm_up()
        assert check.calls == 1
        check.error = UpstreamError("broken")
        with pytest.raises(UpstreamError):
            guard.warm_up()


def test_armed_means_words_and_pictures(cage: Cage, library: Library) -> None:
    check = RulesCheck(rules())
    assert not Guard(cage).is_armed
    assert not Guard(cage, prompts=[check]).is_armed
    guard = Guard(cage, prompts=[check], pictures=[BanksCheck(library)])
    assert guard.is_armed
    assert guard.checks == {"rules": "ready", "banks": "ready"}
    assert guard.rules_sha256 == check.rules.rules.sha256


def test_scorers_only_put_a_picture_before_a_person(cage: Cage, tmp_path: Path) -> None:
    card = a_brightness_model(tmp_path)
    white, black = (Image.new("RGB", (300, 200), colour) for colour in ("white", "black"))
    with Guard(cage, pictures=[ScorersCheck("bright", cage, [Scorer.load(card, 0.6)])]) as guard:
        found = [guard.check_output(as_png(image)).decision for image in (white, black)]
    assert [one.outcome for one in found] == [Outcome.REVIEW, Outcome.ALLOW]
    assert json.loads(found[0].to_json())["reason"]["because"][0]["facts"]["model"]
