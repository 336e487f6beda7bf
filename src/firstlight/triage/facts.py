"""What a service may state about an item: a closed vocabulary, each word with its meaning and who may say it.

Facts come from the operator's service, its staff, its reporters or an authority, never from the file. They raise or
do nothing; no fact lowers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Self

from pydantic import field_validator

from firstlight.errors import InputError, RefusedError
from firstlight.values import Value


class Stater(StrEnum):
    """Who stands behind a fact."""

    SERVICE = "service"
    STAFF = "staff"
    REPORTER = "reporter"
    GENERATOR = "generator"
    AUTHORITY = "authority"


class ContextFact(StrEnum):
    """The facts that priority rules know. `FACTS` holds the meaning of each."""

    LIVE = "live"
    THREAT = "threat"
    MEETING_PLANNED = "meeting_planned"
    SELF_HARM = "self_harm"
    CHILD_ASKS_FOR_HELP = "child_asks_for_help"
    CONTACT_WITH_MINOR = "contact_with_minor"
    SENT_TO_MINOR = "sent_to_minor"
    EXTORTION = "extortion"
    ACCESS_TO_CHILDREN = "access_to_children"
    PRIOR_REPORTS = "prior_reports"
    SELF_PRODUCED = "self_produced"
    GENERATOR_TOOK_PHOTOGRAPH = "generator_took_photograph"
    PROMPT_NAMES_PERSON = "prompt_names_person"
    OFFERED_OR_SOLD = "offered_or_sold"
    NEW_UPLOAD = "new_upload"
    USER_REPORT = "user_report"
    ESCALATED = "escalated"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a fact says, who may state it, and whether the uploader could bring it about.

    A fact that the uploader could bring about (by a second account, a prompt, a changed pixel) is safe here because
    facts only raise; the mark tells an operator which facts a flood could imitate.
    """

    says: str
    stated_by: frozenset[Stater]
    uploader_could_cause: bool


_SERVICE = frozenset({Stater.SERVICE, Stater.STAFF})
_PEOPLE = frozenset({Stater.STAFF, Stater.REPORTER, Stater.AUTHORITY})
_ANYONE = frozenset({Stater.SERVICE, Stater.STAFF, Stater.REPORTER, Stater.AUTHORITY})
_GENERATOR = frozenset({Stater.SERVICE, Stater.STAFF, Stater.GENERATOR})

FACTS: Mapping[ContextFact, Meaning] = MappingProxyType(
    {
        ContextFact.LIVE: Meaning(
            "The service carries, or has just carried, this material as a live stream or live call.", _SERVICE, False
        ),
        ContextFact.THREAT: Meaning(
            "A message that goes with the item threatens a child or the people around a child.", _ANYONE, True
        ),
        ContextFact.MEETING_PLANNED: Meaning(
            "The conversation around the item arranges a meeting in person with somebody believed to be a minor.",
            _ANYONE,
            True,
        ),
        ContextFact.SELF_HARM: Meaning(
            "The child shown or addressed speaks of hurting or killing themselves.", _ANYONE, True
        ),
        ContextFact.CHILD_ASKS_FOR_HELP: Meaning(
            "Somebody who says they are the child shown, or speaks for that child, asks for help.", _PEOPLE, True
        ),
        ContextFact.CONTACT_WITH_MINOR: Meaning(
            "The account that sent the item is in contact with somebody the service has reason to think is a minor.",
            _ANYONE,
            False,
        ),
        ContextFact.SENT_TO_MINOR: Meaning(
            "The item was sent to an account the service has reason to think is a minor's.", _SERVICE, False
        ),
        ContextFact.EXTORTION: Meaning(
            "Money, more pictures or silence is demanded from the child shown, or from a person in the item.",
            _ANYONE,
            True,
        ),
        ContextFact.ACCESS_TO_CHILDREN: Meaning(
            "The account's holder lives, works or volunteers with children, by what the service or an authority knows.",
            frozenset({Stater.SERVICE, Stater.STAFF, Stater.AUTHORITY}),
            False,
        ),
        ContextFact.PRIOR_REPORTS: Meaning(
            "The account, or one joined to it by an exact strong identifier, was reported before.",
            frozenset({Stater.SERVICE, Stater.STAFF, Stater.AUTHORITY}),
            False,
        ),
        ContextFact.SELF_PRODUCED: Meaning(
            "The person shown seems to have made the picture, perhaps because somebody asked or forced them to.",
            frozenset({Stater.STAFF, Stater.REPORTER, Stater.AUTHORITY}),
            False,
        ),
        ContextFact.GENERATOR_TOOK_PHOTOGRAPH: Meaning(
            "The generator's own record says that a picture of a person went in as input.", _GENERATOR, True
        ),
        ContextFact.PROMPT_NAMES_PERSON: Meaning(
            "The generator's own record says that the prompt names, or refers to, a particular person.",
            _GENERATOR,
            True,
        ),
        ContextFact.OFFERED_OR_SOLD: Meaning("The item is offered, advertised, traded or sold.", _ANYONE, True),
        ContextFact.NEW_UPLOAD: Meaning(
            "The service sees these bytes for the first time, from the account's own device.", _SERVICE, True
        ),
        ContextFact.USER_REPORT: Meaning("A user reported the item.", _ANYONE, True),
        ContextFact.ESCALATED: Meaning(
            "Whoever sent the report asks in words for it to be read at once, because a child may be in danger now.",
            _PEOPLE,
            True,
        ),
    }
)


class Context(Value):
    """The facts stated about one item: a set, kept sorted so that one set has one text."""

    facts: tuple[ContextFact, ...] = ()

    @field_validator("facts")
    @classmethod
    def _as_set(cls, facts: tuple[ContextFact, ...]) -> tuple[ContextFact, ...]:
        return tuple(sorted(set(facts)))

    @classmethod
    def stated(cls, facts: Iterable[str], *, by: Stater = Stater.SERVICE) -> Self:
        """The context that this party states.

        Raises:
            InputError: a word is not in the vocabulary; the hint lists those that are.
            RefusedError: this party may not state that fact.
        """
        known: list[ContextFact] = []
        for word in facts:
            try:
                fact = ContextFact(word)
            except ValueError as e:
                raise InputError(
                    f"{word!r} is no context fact.", hint=f"The facts are: {', '.join(ContextFact)}."
                ) from e
            if by not in FACTS[fact].stated_by:
                allowed = ", ".join(sorted(FACTS[fact].stated_by))
                raise RefusedError(
                    f"{fact} cannot be stated by the {by}.", hint=f"It may be stated by: {allowed}.", fact=fact.value
                )
            known.append(fact)
        return cls(facts=tuple(known))

    def __or__(self, other: Context) -> Context:
        """What both state together, for instance the service at intake and a reporter later."""
        return Context(facts=self.facts + other.facts)

    def __contains__(self, fact: object) -> bool:
        return fact in self.facts
