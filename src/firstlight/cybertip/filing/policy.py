"""Material that is drawn alone falls outside the duty to report: whether it is filed is the operator's own policy."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from firstlight.clock import in_utc
from firstlight.cybertip.model.annotations import FileAnnotation
from firstlight.cybertip.model.report import Draft
from firstlight.errors import InputError, RefusedError


@dataclass(frozen=True, slots=True)
class DrawnPolicy:
    """The operator's written decision to report drawn material (18 U.S.C. 1466A): where it stands and who signed it."""

    reference: str
    signed_by: str
    signed_at: datetime

    def __post_init__(self) -> None:
        """Refuse blanks and times without a zone."""
        in_utc(self.signed_at)
        if not self.reference.strip() or not self.signed_by.strip():
            raise InputError("A policy needs a reference and a signature.", hint="Say which document, signed by whom.")


def is_drawn_only(draft: Draft) -> bool:
    """Whether there are reported files and every one of them is annotated as a drawing."""
    reported = [f.description for f in draft.files if not f.description.is_supplemental]
    return bool(reported) and all(f.is_annotated(FileAnnotation.ANIME_DRAWING_VIRTUAL_HENTAI) for f in reported)


def require_policy(draft: Draft, policy: DrawnPolicy | None) -> None:
    """Let a draft pass unless it is of drawn material alone and no policy is given.

    Raises:
        RefusedError: drawn material alone, and no written policy.
    """
    if policy is None and is_drawn_only(draft):
        raise RefusedError(
            "Every reported file is a drawing; such material is filed under a written policy of the operator only.",
            hint="Name the policy and who signed it ([drawn_material] in the settings), or decide it without a report.",
            code="refused.drawn-only",
        )
