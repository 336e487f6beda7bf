"""What the record holds, as far as a report may speak of it.

A report says "viewed", "exact copy" or "AI-generated" only where a logged event carries it. This room does not know
the log; whoever keeps it answers these questions.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from functools import cache
from typing import Annotated, Protocol

from pydantic import Field

from firstlight.cybertip.model.codes import IndustryClassification
from firstlight.values import Instant, Sha256Hex, Value


class Rendition(StrEnum):
    """What a person had before their eyes."""

    ORIGINAL = "original"
    REDUCED = "reduced"
    GREY = "grey"
    BLURRED = "blurred"
    FRAMES = "frames"

    @property
    def shows_everything(self) -> bool:
        """Whether the entire contents can be seen in it: not when it is blurred, not in some frames of a video."""
        return self not in (Rendition.BLURRED, Rendition.FRAMES)


class Viewing(Value):
    """A person looked at this file. `whole` says that all of it was shown, to the last frame and page.

    `exif` says that its metadata was looked at too.
    """

    by: str
    at: Instant
    seconds: Annotated[float, Field(ge=0)] = 0
    rendition: Rendition
    whole: bool
    exif: bool = False

    @property
    def counts(self) -> bool:
        """Whether it carries the statement that the company viewed the entire contents of the file."""
        return self.whole and self.rendition.shows_everything


class ListMatch(Value):
    """This file was found in a hash list. `exact` only for a cryptographic digest: same digest, same bytes."""

    list_name: str
    exact: bool
    hash_type: str
    distance: Annotated[int, Field(ge=0, le=256)] = 0
    classification: IndustryClassification | None = None


class AiBasis(StrEnum):
    """What a statement about machine generation rests on. Only two of them speak of this file's own making."""

    GENERATED_HERE = "generated-here"
    OUTPUT_SEEN = "output-seen"
    KNOWN_IN_TRAINING_DATA = "known-file-in-training-data"
    UPLOADED_AS_INPUT = "uploaded-as-input"
    PROMPTED_FOR = "prompted-for"
    SENDER_FLAG = "sender-flag-only"

    @property
    def carries_annotation(self) -> bool:
        """Whether a file may be annotated `generativeAi` on this basis."""
        return self in (AiBasis.GENERATED_HERE, AiBasis.OUTPUT_SEEN)


class OriginClaim(Value):
    """One statement about how a file came to be, with its basis, in words that may stand in a report."""

    basis: AiBasis
    says: Annotated[str, Field(min_length=1)]
    source: str = ""


class Generation(Value):
    """What a generator logged of the job that made a file; `input_sha256` names the photograph that went in."""

    model: str = ""
    prompt: str = ""
    negative_prompt: str = ""
    seed: str = ""
    input_sha256: str = ""
    job: str = ""
    at: Instant | None = None


class Record(Protocol):
    """Answers what was logged. A file is named by the SHA-256 of its bytes; no event is an empty answer."""

    def viewings(self, sha256: Sha256Hex) -> tuple[Viewing, ...]:
        """Every viewing of exactly these bytes."""
        ...

    def matches(self, sha256: Sha256Hex) -> tuple[ListMatch, ...]:
        """Every match of exactly these bytes in a list."""
        ...

    def origin_claims(self, sha256: Sha256Hex) -> tuple[OriginClaim, ...]:
        """Every statement on how exactly these bytes came to be."""
        ...

    def generations(self, sha256: Sha256Hex) -> tuple[Generation, ...]:
        """Every job of a generator that is recorded as having made exactly these bytes."""
        ...

    def prior_reports(self) -> frozenset[int]:
        """The finished CyberTipline reports that the record knows."""
        ...


class AskedOnce:
    """A record that is asked each thing once, for as long as one check takes: of copies it knows the same."""

    def __init__(self, record: Record) -> None:
        self.viewings = cache(record.viewings)
        self.matches = cache(record.matches)
        self.origin_claims = cache(record.origin_claims)
        self.generations = cache(record.generations)
        self.prior_reports = cache(record.prior_reports)


class MemoryRecord:
    """A record that is given whole, for tests and for callers that collect the events themselves."""

    def __init__(
        self,
        *,
        viewings: dict[str, tuple[Viewing, ...]] | None = None,
        matches: dict[str, tuple[ListMatch, ...]] | None = None,
        origin_claims: dict[str, tuple[OriginClaim, ...]] | None = None,
        generations: dict[str, tuple[Generation, ...]] | None = None,
        prior_reports: Iterable[int] = (),
    ) -> None:
        self._viewings = dict(viewings or {})
        self._matches = dict(matches or {})
        self._origin_claims = dict(origin_claims or {})
        self._generations = dict(generations or {})
        self._prior_reports = frozenset(prior_reports)

    def viewings(self, sha256: Sha256Hex) -> tuple[Viewing, ...]:
        """Every viewing of exactly these bytes."""
        return self._viewings.get(sha256, ())

    def matches(self, sha256: Sha256Hex) -> tuple[ListMatch, ...]:
        """Every match of exactly these bytes in a list."""
        return self._matches.get(sha256, ())

    def origin_claims(self, sha256: Sha256Hex) -> tuple[OriginClaim, ...]:
        """Every statement on how exactly these bytes came to be."""
        return self._origin_claims.get(sha256, ())

    def generations(self, sha256: Sha256Hex) -> tuple[Generation, ...]:
        """Every job of a generator that is recorded as having made exactly these bytes."""
        return self._generations.get(sha256, ())

    def prior_reports(self) -> frozenset[int]:
        """The finished CyberTipline reports that the record knows."""
        return self._prior_reports
