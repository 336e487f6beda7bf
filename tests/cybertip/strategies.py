"""Any report: values for each field of each block, made from the fields themselves.

`tame` reports break no rule; `wild` ones may break any rule that the models let through.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any, TypeVar

from hypothesis import strategies as st

from firstlight.cybertip.model.annotations import FileAnnotation, ReportAnnotation
from firstlight.cybertip.model.codes import COUNTRIES, STATES
from firstlight.cybertip.model.files import FileDescription
from firstlight.cybertip.model.incident import EmailIncident, InternetDetails, NewsgroupIncident
from firstlight.cybertip.model.people import (
    AssociatedAccount,
    Email,
    EstimatedLocation,
    PermanentlyDisabled,
    Person,
    Phone,
    TemporarilyDisabled,
)
from firstlight.cybertip.model.report import Report
from firstlight.cybertip.wire import Between, Block, MaxLength, Must, Role, Slot, slots_of

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LONG_AGO, YESTERDAY, TOMORROW = datetime(1990, 1, 1, tzinfo=UTC), datetime(2026, 2, 28, tzinfo=UTC), date(2026, 3, 2)

_B = TypeVar("_B", bound=Block)
_LEGAL = st.sampled_from("\t\n\r<>&\"' aZ09\u0085\u00e9\u20ac\ud7ff\ue000\ufffd\U00010000\U0010ffff") | st.characters(
    min_codepoint=32, max_codepoint=0xD7FF
)
_ADDRESSES = st.sampled_from(["93.184.216.34", "2001:db8::1", "::ffff:93.184.216.34", "10.0.0.1"])
_URLS = st.sampled_from(["https://example.com/a?b=c&d=<e>", "http://example.com", "ftp://example.com/%20"])
_EMAILS = st.sampled_from(["a@example.com", "b.c+d@mail.example.org", "x" * 64 + "@example.com"])
_MUST: dict[Must, st.SearchStrategy[str]] = {
    Must.BE_URL: _URLS,
    Must.BE_EMAIL: _EMAILS,
    Must.BE_IP: _ADDRESSES,
    Must.BE_DIGITS: st.sampled_from(["1", "0042"]),
    Must.BE_CALLING_CODE: st.sampled_from(["+1", "+380"]),
    Must.NOT_BE_BLANK: st.sampled_from(["007", "because he writes to her now"]),
}
_WILD_TEXT = st.sampled_from(
    [
        "",
        " ",
        "x" * 70,
        "y" * 3001,
        "no url",
        "https://e xample.com",
        "a@b@c",
        "1.2.3",
        "\x00",
        "+1 5",
        "http://",
        "A",
        "+12345",
    ]
)


def _text(slot: Slot, wild: bool) -> st.SearchStrategy[str]:
    demands = [r for r in slot.rules if isinstance(r, Must)]
    longest = next((r.characters for r in slot.rules if isinstance(r, MaxLength)), 60)
    tame = _MUST[demands[0]] if demands else st.text(_LEGAL, max_size=min(longest, 12))
    return tame | _WILD_TEXT if wild else tame


def _listed(slot: Slot) -> st.SearchStrategy[str] | None:
    if slot.name == "state":
        return st.sampled_from(STATES)
    if slot.name in ("country", "countryCode", "fleaCountry"):
        return st.sampled_from(COUNTRIES)
    return None


def _one(slot: Slot, wild: bool) -> st.SearchStrategy[Any]:
    base = slot.base
    if slot.role is Role.FLAGS:
        known = [a for a in FileAnnotation if base is FileAnnotation] or list(ReportAnnotation)[:5]
        return st.lists(st.sampled_from(known), unique=True, max_size=3).map(tuple)
    if issubclass(base, Block):
        return blocks(base, wild)
    if issubclass(base, StrEnum):
        return st.sampled_from(list(base))
    if base is bool:
        return st.booleans()
    if base is int:
        bounds = next((r for r in slot.rules if isinstance(r, Between)), Between(1, 2**40))
        numbers = st.integers(bounds.low, bounds.high)
        return numbers | st.sampled_from([-1, 0, 151, 70000]) if wild else numbers
    if base is float:
        return st.floats(-180, 180)
    if base is datetime:
        past = st.datetimes(LONG_AGO.replace(tzinfo=None), YESTERDAY.replace(tzinfo=None), timezones=st.just(UTC))
        return past | st.just(datetime(2030, 1, 1, tzinfo=UTC)) if wild else past
    if base is date:
        days = st.dates(LONG_AGO.date(), YESTERDAY.date())
        return days | st.just(TOMORROW) if wild else days
    listed = _listed(slot)
    return listed if listed is not None else _text(slot, wild)


@st.composite
def blocks(draw: st.DrawFn, block: type[_B], wild: bool = False) -> _B:
    """Any block of a kind."""
    slots = slots_of(block)
    values: dict[str, Any] = {}
    if block is InternetDetails:
        slots = (draw(st.sampled_from(slots)),)
    for slot in slots:
        required = block.model_fields[slot.attribute].is_required() or block is InternetDetails
        if not required and not draw(st.sampled_from([False, False, True])):
            continue
        if slot.wire.since is not None or slot.base.__name__ == "BatchedReport":
            continue
        one = _one(slot, wild)
        if slot.many and slot.role is not Role.FLAGS:
            values[slot.attribute] = draw(st.lists(one, min_size=1 if required else 0, max_size=2).map(tuple))
        else:
            values[slot.attribute] = draw(one)
    if "potential_meme" in values and "file_annotations" in values:
        del values["potential_meme"]
    made = block.model_validate(values)
    return made if wild else _tamed(made)


def _tamed(made: _B) -> _B:
    """The block with what must go together made to go together."""
    changes: dict[str, Any] = {}
    if isinstance(made, Phone | Email) and made.verification_date:
        changes = {"verified": True}
    if isinstance(made, Phone):
        changes |= {"number": made.number.lstrip("+0")}
    if isinstance(made, TemporarilyDisabled | PermanentlyDisabled):
        changes = {"user_notified_date": made.disabled_date}
    if isinstance(made, TemporarilyDisabled) and made.disabled_date:
        changes |= {"reenabled_date": None}
    if isinstance(made, EstimatedLocation):
        changes = {"country_code": "US", "region": "CA"}
    if isinstance(made, AssociatedAccount) and made.approximate_age is not None:
        changes = {"date_of_birth": None}
    if isinstance(made, EmailIncident | NewsgroupIncident):
        changes = {"email_address": ()}
    if isinstance(made, FileDescription):
        changes = _tamed_file(made)
    return made.model_copy(update=changes)


def _tamed_file(made: FileDescription) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if made.exif_viewed_by_esp:
        changes["file_viewed_by_esp"] = True
    if made.is_supplemental:
        changes |= {"potential_meme": None, "file_annotations": None, "industry_classification": None}
    return changes


@st.composite
def reports(draw: st.DrawFn, wild: bool = False) -> Report:
    """Any report."""
    report = draw(blocks(Report, wild))
    if wild:
        return report
    person = report.reporter.reporting_person
    reporter = report.reporter.model_copy(
        update={"reporting_person": Person.model_validate(dict(person) | {"email": (Email(address="a@example.com"),)})}
    )
    return report.model_copy(
        update={"reporter": reporter, "person_or_user_reported": report.person_or_user_reported[:1]}
    )


def descriptions(wild: bool = False) -> st.SearchStrategy[FileDescription]:
    """Any description of a file."""
    return blocks(FileDescription, wild)
