"""Term rules: what is found in which disguise, what is never more than a review, and what is kept."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from firstlight.errors import InputError, IntegrityError, LimitError
from firstlight.gate.matching import TermRules, outcome_of
from firstlight.gate.rules import Outcome, Rules, build_rules
from firstlight.gate.text import LONGEST_PROMPT, Form, normalised, tokens_of
from gate.vegetables import KEY, SOURCE, rules, source

RULES = rules()


def outcome(prompt: str, **where: str) -> Outcome:
    return outcome_of(RULES.match(prompt, **where))


@pytest.mark.parametrize(
    ("prompt", "form"),
    [
        ("a carrot in the cellar", Form.PLAIN),
        ("A CARROT, in the Cellar!", Form.PLAIN),
        ("c4rr0t cellar", Form.FOLDED),
        ("c@rr0t ce11ar", Form.FOLDED),
        ("cаrrоt сеllаr", Form.FOLDED),  # Cyrillic letters among Latin ones
        ("ｃａｒｒｏｔ ｃｅｌｌａｒ", Form.PLAIN),
        ("𝐜𝐚𝐫𝐫𝐨𝐭 cellar", Form.PLAIN),
        ("🅲🅰🆁🆁🅾🆃 cellar", Form.PLAIN),
        ("cárrôt čëllar", Form.PLAIN),
        ("c\u200ba\u200brr\u00adot cell\u2060ar", Form.PLAIN),
        ("c\u0336a\u0336r\u0336r\u0336o\u0336t\u0336 cellar", Form.PLAIN),
        ("ᴄᴀʀʀᴏᴛ cellar", Form.FOLDED),
        ("c a r r o t in the c.e.l.l.a.r", Form.SPACED),
        ("x c-a-r-r-0-t y in a p_a_n_t_r_y", Form.SPACED),
        ("caaarrrooot celllllar", Form.REPEATED),
        ("red beet pantry", Form.PLAIN),
        ("red-beet, pantry", Form.PLAIN),
        ("redbeet pantry", Form.PLAIN),
        ("r3d b33t p4ntry", Form.FOLDED),
        ("r e d b e e t pantry", Form.SPACED),
        ("морковь pantry", Form.PLAIN),
        ("МОРКОВЬ cold store", Form.PLAIN),
        ("台所のにんじん cellar", Form.PLAIN),
        ("に ん じ ん cellar", Form.PLAIN),
        ("胡萝卜在cellar里", Form.PLAIN),
        ("ซื้อแครอทไว้ที่ pantry", Form.PLAIN),
    ],
)
def test_every_disguise_of_an_exact_combination_blocks(prompt: str, form: Form) -> None:
    hits = RULES.match(prompt)
    assert [(hit.rule, hit.outcome) for hit in hits] == [("r1", Outcome.BLOCK)]
    assert form in hits[0].forms


@pytest.mark.parametrize(
    ("prompt", "form"),
    [
        ("carot in the cellar", Form.NEAR),  # a letter left out
        ("carrrot in the cellar", Form.REPEATED),  # three in a row are a stretch, not a slip
        ("carrpot in the cellar", Form.NEAR),
        ("carrit in the cellar", Form.NEAR),
        ("crarot in the cellar", Form.NEAR),
        ("car rot cellar", Form.JOINED),
        ("pars nips in the pantry", Form.JOINED),
    ],
)
def test_what_is_only_near_is_never_more_than_a_review(prompt: str, form: Form) -> None:
    hits = RULES.match(prompt)
    assert len(hits) == 1
    assert form in hits[0].forms
    assert hits[0].outcome is (Outcome.BLOCK if form is Form.REPEATED else Outcome.REVIEW)


@pytest.mark.parametrize(
    "prompt",
    [
        "",
        "a carrot",
        "the cellar",
        "carrots one two three four five six seven eight nine cellar",
        "carrot cake in the pantry",
        "a scarf in the cellar",
        "the therapist has a beat red car",
        "thyme honey",
        "carrot and thyme",  # r3 holds for text alone, r2 for thyme
    ],
)
def test_other_words_pass_or_are_as_mild_as_their_rule(prompt: str) -> None:
    expected = Outcome.REVIEW if prompt == "carrot and thyme" else Outcome.ALLOW
    assert outcome(prompt) is expected


def test_an_exception_excuses_its_own_words_alone() -> None:
    assert outcome("a carrot cake and a carrot in the cellar") is Outcome.BLOCK
    assert outcome("c4rr0t cake in the cellar") is Outcome.BLOCK, "a disguised word is no exception"


def test_surfaces() -> None:
    assert outcome("carrot and thyme", surface="text") is Outcome.BLOCK
    assert outcome("carrot and thyme", surface="image") is Outcome.REVIEW


def test_a_negative_prompt_is_looked_at_by_itself_and_only_reviewed() -> None:
    assert outcome_of(RULES.match("a carrot", negative="a cellar")) is Outcome.ALLOW
    hits = RULES.match("a garden", negative="carrot in a cellar")
    assert [(hit.outcome, hit.negative) for hit in hits] == [(Outcome.REVIEW, True)]


def test_one_word_never_satisfies_two_groups() -> None:
    text = SOURCE.replace('"thyme"]', '"thyme", "carrots"]').replace('surfaces = ["text"]\nnear = false', "")
    assert {hit.rule for hit in rules(text).match("many carrots here")} == {"r2"}
    with pytest.raises(InputError, match="have a term in common"):
        rules(SOURCE.replace('"thyme"]', '"thyme", "carrot"]'))


def test_a_single_group_may_not_block() -> None:
    with pytest.raises(InputError, match="only combinations may block"):
        source(SOURCE.replace('outcome = "review"', 'outcome = "block"'))


@pytest.mark.parametrize(
    "wrong",
    [
        "[groups]\na = []\n[[rules]]\nid='r'\ngroups=['a','b']",
        "[groups]\na = ['leek']\n[[rules]]\nid='r'\ngroups=['a','b']",
        "[groups]\na = ['leek']\n",
        "not = toml = at all",
        "\x80",
    ],
)
def test_what_is_no_rules_file_is_refused_with_its_place(wrong: str) -> None:
    with pytest.raises(InputError) as caught:
        source(wrong)
    assert caught.value.diagnostics().hint


@pytest.mark.parametrize("term", ["", "!!", "one two three four five six seven eight nine", "leek " * 9000])
def test_a_term_is_a_few_words_and_its_error_tells_no_term(term: str) -> None:
    with pytest.raises(InputError) as caught:
        rules(SOURCE.replace('"thyme"]', json.dumps(term) + "]"))
    assert "term 1 of group herbs" in str(caught.value.diagnostics())
    assert "leek" not in str(caught.value.diagnostics())


def test_a_longer_prompt_is_refused_and_not_cut() -> None:
    assert outcome("x " * (LONGEST_PROMPT // 2)) is Outcome.ALLOW
    with pytest.raises(LimitError):
        RULES.match("x" * (LONGEST_PROMPT + 1))


def test_no_word_stands_in_what_is_kept() -> None:
    kept = RULES.rules.to_json()
    for word in ("carrot", "beet", "cellar", "pantry", "thyme", "cake", "морковь", "にんじん"):
        assert word.encode() not in kept
        assert json.dumps(word)[1:-1].encode() not in kept
    assert Rules.from_json(kept) == RULES.rules


def test_another_key_makes_other_digests_and_does_not_open_these() -> None:
    other = build_rules(source(), b"another key, thirty-two letters!")
    own = RULES.rules
    assert not {d for g in other.groups.values() for d in g.terms} & {d for g in own.groups.values() for d in g.terms}
    with pytest.raises(IntegrityError):
        TermRules(own, b"another key, thirty-two letters!")
    with pytest.raises(InputError, match="key of the rules"):
        build_rules(source(), b"short")


def test_the_same_source_and_key_are_the_same_document() -> None:
    assert build_rules(source(), KEY).sha256 == RULES.rules.sha256


@given(st.text(max_size=200))
@example("ß ẞ ŉ İ ǰ ΐ ﬃ")
@example("\u0345\u0300a")
def test_folding_ends_after_one_step_and_tokens_hold_no_space(text: str) -> None:
    once = normalised(text)
    assert normalised(once) == once
    for token in tokens_of(text):
        assert token.plain
        assert not token.plain.isspace()


@given(st.text(max_size=300))
def test_no_prompt_breaks_the_rules(text: str) -> None:
    RULES.match(text)


_FILLER = st.lists(st.sampled_from(["green", "old", "of", "lamp", "river", "and", "7"]), max_size=5)


@given(_FILLER, _FILLER, _FILLER, st.sampled_from(["carrot", "red beet"]), st.sampled_from(["cellar", "pantry"]))
def test_a_combination_is_found_wherever_it_stands(
    before: list[str], between: list[str], after: list[str], root: str, place: str
) -> None:
    for pair in ((root, place), (place, root)):
        words = [*before, pair[0], *between, pair[1], *after]
        assert outcome(" ".join(words)) is Outcome.BLOCK
