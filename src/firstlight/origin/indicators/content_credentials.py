"""Content credentials (C2PA): what the signer of the active manifest says, and how far that signer can be believed."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from firstlight.errors import Fact
from firstlight.origin.credentials import Bound, Credential, Integrity, NotReadable, read_credential, tool
from firstlight.origin.evidence import Evidence
from firstlight.origin.indicator import Binding, Claim, Family, ForgeableBy, Indicator, Source, Strength
from firstlight.origin.likeness import DIFFERS_BELOW, likeness
from firstlight.origin.source_types import Making, source_type
from firstlight.origin.statement import (
    MODERATE,
    MODERATE_TO_STRONG,
    NO_SUPPORT,
    PLANTABLE,
    STRONG,
    VERY_STRONG,
    WEAK,
    WEAK_TO_MODERATE,
    Kind,
    Statement,
)
from firstlight.origin.trust import TrustClass, TrustLists


def _said(name: str, claim: Claim, strength: Strength, by: ForgeableBy, says: str, does_not_say: str) -> Statement:
    return Statement(
        name=f"c2pa.{name}",
        claim=claim,
        strength=strength,
        forgeable_by=by,
        binding=Binding.BYTES,
        family=Family.C2PA,
        says=says,
        does_not_say=does_not_say,
    )


_PHOTOGRAPH: Final = "That no photograph of a child was used."
_REAL_CHILD: Final = "Treat it as a real child until seen otherwise."
_SCENE: Final = "That the scene was real: a screen can be photographed, and camera keys have been misused."

_LISTED: Final = "A valid signature of {signer}{when}, listed by {list}, says"
_UNVOUCHED: Final = "A content credential ({standing}) says"

TEXT_ONLY: Final = _said(
    "generator.text_only",
    Claim.SYNTHETIC,
    STRONG,
    ForgeableBy.KEY_HOLDER,
    f"{_LISTED} that these bytes came from its image generator, made from text alone. It signs nothing but its own "
    "output. It does not say that no photograph of a child was used to teach it.",
    "That the generator was not taught with photographs of a child.",
)
TEXT_ONLY_INTERIM: Final = replace(TEXT_ONLY, name="c2pa.generator.text_only_interim", strength=MODERATE_TO_STRONG)

_VOUCHED: Final[dict[str, Statement]] = {
    Making.TRAINED_MODEL: _said(
        "generator",
        Claim.SYNTHETIC,
        WEAK_TO_MODERATE,
        ForgeableBy.CUSTOMER,
        f"{_LISTED} that a trained model made this. A customer of that service may have had a photograph signed. "
        "It does not say that no photograph of a child was used.",
        _PHOTOGRAPH,
    ),
    Making.TRAINED_MODEL_ON_PICTURE: _said(
        "generator_on_picture",
        Claim.PHOTO_DERIVED,
        MODERATE_TO_STRONG,
        ForgeableBy.CUSTOMER,
        f"{_LISTED} that a trained model worked on an existing picture. {_REAL_CHILD}",
        "Which parts are the model's.",
    ),
    Making.COMPUTED: _said(
        "computed",
        Claim.SYNTHETIC,
        WEAK,
        ForgeableBy.CUSTOMER,
        f"{_LISTED} that this was computed, not necessarily by a trained model.",
        _PHOTOGRAPH,
    ),
    Making.CAPTURED: _said(
        "capture",
        Claim.CAMERA,
        STRONG,
        ForgeableBy.CUSTOMER,
        f"{_LISTED} that a camera took this.",
        _SCENE,
    ),
    Making.SCANNED: _said(
        "scan",
        Claim.CAMERA,
        WEAK_TO_MODERATE,
        ForgeableBy.CUSTOMER,
        f"{_LISTED} that this was scanned from film or paper.",
        _SCENE,
    ),
    Making.EDITED: _said(
        "edited",
        Claim.EDITED,
        WEAK,
        ForgeableBy.CUSTOMER,
        f"{_LISTED} that this is a composite, a screen capture or otherwise edited.",
        "Whether a generator was used.",
    ),
    "device": _said(
        "capture.device",
        Claim.CAMERA,
        VERY_STRONG,
        ForgeableBy.KEY_HOLDER,
        f"{_LISTED} that a camera took this; its product keeps the key in protected hardware (assurance level 2).",
        _SCENE,
    ),
    "camera data": _said(
        "camera_data",
        Claim.CAMERA,
        WEAK_TO_MODERATE,
        ForgeableBy.CUSTOMER,
        f"{_LISTED} which camera model took this.",
        _SCENE,
    ),
    "generative edit": _said(
        "generative_edit",
        Claim.PHOTO_DERIVED,
        MODERATE_TO_STRONG,
        ForgeableBy.CUSTOMER,
        f"{_LISTED} that a trained model was used in a later step, on a picture that was there. {_REAL_CHILD}",
        "What the picture was.",
    ),
    "input": _said(
        "input",
        Claim.PHOTO_DERIVED,
        MODERATE_TO_STRONG,
        ForgeableBy.CUSTOMER,
        f"{_LISTED} that something without a record of its own went into this picture. {_REAL_CHILD}",
        "What went in.",
    ),
    "other picture": _said(
        "other_picture",
        Claim.PHOTO_DERIVED,
        MODERATE_TO_STRONG,
        ForgeableBy.CUSTOMER,
        f"{_LISTED} that something went in which looks different from this picture; a small picture of it lies in the "
        f"file and is to be protected like the material. {_REAL_CHILD}",
        "Which of the two shows what happened.",
    ),
    "recorded input": _said(
        "recorded_input",
        Claim.PHOTO_DERIVED,
        WEAK,
        ForgeableBy.CUSTOMER,
        f"{_LISTED} that other pictures, which have records of their own, went into this one. {_REAL_CHILD}",
        "That those records belong to what went in: the trust in an ingredient's signer does not reach this picture.",
    ),
}

_WEAKER: Final = {Claim.PHOTO_DERIVED: WEAK}


def _unvouched(statement: Statement) -> Statement:
    """The same words from somebody for whom nobody vouches, or about other content."""
    says = statement.says.replace(_LISTED, _UNVOUCHED).replace(
        " A customer of that service may have had a photograph signed.", ""
    )
    return replace(
        statement,
        name=f"{statement.name}.unvouched",
        strength=_WEAKER.get(statement.claim, PLANTABLE),
        forgeable_by=ForgeableBy.ANYONE,
        says=says,
    )


_STRANGERS: Final = {key: _unvouched(said) for key, said in _VOUCHED.items() if key != "device"}

DIFFERS: Final = _said(
    "content_differs",
    Claim.EDITED,
    MODERATE,
    ForgeableBy.ANYONE,
    "The content is not the content that the credential was made for. Saving a picture again does that too.",
    "That anybody meant to deceive.",
)
BROKEN: Final = _said(
    "record_broken",
    Claim.EDITED,
    WEAK,
    ForgeableBy.ANYONE,
    "The credential's own record does not agree with its signature.",
    "Who changed it, or whether a program's mistake did.",
)
UNCLEAR: Final = _said(
    "content_unclear",
    Claim.UNREADABLE,
    NO_SUPPORT,
    ForgeableBy.ANYONE,
    "The reader cannot tell whether the credential belongs to this content; readers disagree about such files.",
    "That the content was changed.",
)
DISPUTED: Final = _said(
    "readers_disagree",
    Claim.UNREADABLE,
    NO_SUPPORT,
    ForgeableBy.ANYONE,
    "Two readers of content credentials disagree about this file; nothing that its credential says counts as vouched "
    "for.",
    "Which of the two is right.",
)
NOT_READABLE: Final = _said(
    "unreadable",
    Claim.UNREADABLE,
    NO_SUPPORT,
    ForgeableBy.ANYONE,
    "There is a content credential, but {why}.",
    "Anything about how the picture was made.",
)
NOT_KNOWN: Final = _said(
    "not-known",
    Claim.UNREADABLE,
    NO_SUPPORT,
    ForgeableBy.ANYONE,
    "Whether there is a content credential could not be found out: the reader cannot make sense of the file.",
    "That there is one, that there is none, or anything about how the picture was made.",
)
SILENT: Final = _said(
    "silent",
    Claim.EDITED,
    NO_SUPPORT,
    ForgeableBy.ANYONE,
    "There is a content credential ({standing}); it does not say how the picture was made.",
    "Anything about how the picture was made.",
)

KIND: Final = Kind(
    name="content_credentials",
    title="Content credentials (C2PA)",
    reads="the active manifest, with c2pa-python and no network; thumbnails are left where they are",
    statements=(
        TEXT_ONLY,
        TEXT_ONLY_INTERIM,
        *_VOUCHED.values(),
        *_STRANGERS.values(),
        DIFFERS,
        BROKEN,
        UNCLEAR,
        DISPUTED,
        NOT_READABLE,
        NOT_KNOWN,
        SILENT,
    ),
)


def detect(evidence: Evidence, trust: TrustLists) -> list[Indicator]:
    """What the file's credential says. Opens no connection."""
    found = _read(evidence, trust)
    if found is None:
        return []
    name, version = tool()
    if isinstance(found, NotReadable):
        facts: dict[str, Fact] = {"remote_host": found.remote_host} if found.remote_host else {}
        source = Source(tool=name, version=version, where="content credential")
        if not (found.remote_host or _names_a_credential(evidence.data)):
            return [NOT_KNOWN.indicator(source)]
        return [NOT_READABLE.indicator(source, why=found.why, facts=facts)]
    other = any(_looks_different(preview, evidence) for preview in found.previews)
    return _Speaker(
        found, trust, Source(tool=name, version=version, where="active manifest"), other_picture=other
    ).all()


def _read(evidence: Evidence, trust: TrustLists) -> Credential | NotReadable | None:
    """The credential, unless the file has so many parts that going over them once more would be an attack's aim."""
    if evidence.walk.crowded:
        named = _names_a_credential(evidence.data)
        return NotReadable("the file has more parts than are read") if named else None
    return read_credential(evidence.data, evidence.container, trust, previews=evidence.pixels)


def _looks_different(preview: bytes, evidence: Evidence) -> bool:
    alike = likeness(evidence, preview)
    return alike is not None and alike < DIFFERS_BELOW


class _Speaker:
    """Turns one credential into indicators."""

    def __init__(self, credential: Credential, trust: TrustLists, source: Source, *, other_picture: bool) -> None:
        self._found = credential
        self._other_picture = other_picture
        self._trust = trust
        listed = credential.trust.value if credential.trust else ""
        self._source = source.model_copy(update={"list_date": trust.date_of(listed)})
        self._words = {
            "signer": credential.organisation or credential.common_name or "an unnamed signer",
            "when": f" of {credential.signed_at[:10]}" if credential.signed_at and credential.time_is_vouched else "",
            "list": "the official C2PA list"
            if credential.trust is TrustClass.OFFICIAL
            else "the interim list (frozen)",
            "standing": _standing(credential),
        }
        self._facts: dict[str, Fact] = {
            "integrity": credential.integrity.value,
            "content": credential.bound.value,
            "signer_listed": credential.trust.value if credential.trust else "no",
            "expired": credential.expired,
            "denied": credential.denied,
            # A name in a certificate that leads to no list is whatever its maker has written.
            ("signer" if credential.trust else "claimed_signer"): credential.organisation,
            ("signer_common_name" if credential.trust else "claimed_common_name"): credential.common_name,
            "serial": credential.serial,
            ("signed_at" if credential.time_is_vouched else "claimed_time"): credential.signed_at,
            "reader_state": credential.state,
            "reader_codes": ", ".join(credential.codes),
            "ingredients": len(credential.ingredients),
            "ingredient_trouble": credential.ingredient_trouble,
        }
        if credential.second is not None:
            self._facts |= {"second_reader": credential.second.reader, "readers_agree": not credential.disputed}

    def all(self) -> list[Indicator]:
        """Everything that this credential says."""
        out = [*self._about_the_record(), *self._about_the_making(), *self._about_what_went_in()]
        return out or [self._say(SILENT)]

    def _say(self, statement: Statement, **facts: Fact) -> Indicator:
        return statement.indicator(self._source, facts={**self._facts, **facts}, **self._words)

    def _pick(self, key: str) -> Statement:
        return (_VOUCHED if self._found.vouched else _STRANGERS)[key]

    def _about_the_record(self) -> list[Indicator]:
        out = []
        if self._found.integrity is Integrity.BROKEN:
            out.append(self._say(BROKEN))
        if self._found.bound is Bound.DIFFERS:
            out.append(self._say(DIFFERS))
        if self._found.bound is Bound.UNCLEAR:
            out.append(self._say(UNCLEAR))
        if self._found.disputed:
            out.append(self._say(DISPUTED))
        return out

    def _about_the_making(self) -> list[Indicator]:
        out = []
        captured = False
        for value in self._found.created_as:
            if (known := source_type(value)) is None:
                continue
            name, making = known
            captured = captured or making is Making.CAPTURED
            out.append(self._say(self._making(making), source_type=name))
        if self._found.names_camera and not captured:
            out.append(self._say(self._pick("camera data")))
        return out

    def _making(self, making: Making) -> Statement:
        found = self._found
        product = self._trust.product(found.organisation, found.common_name)
        if making is Making.CAPTURED and found.vouched and found.trust is TrustClass.OFFICIAL and product:
            if not product.may_claim_capture:
                return _STRANGERS[making]
            if product.assurance >= 2:
                return _VOUCHED["device"]
        if making is Making.TRAINED_MODEL and found.vouched and found.text_only and not self._went_in():
            return TEXT_ONLY if found.trust is TrustClass.OFFICIAL else TEXT_ONLY_INTERIM
        return self._pick(making)

    def _went_in(self) -> bool:
        return self._found.opened or any(not ingredient.is_text for ingredient in self._found.ingredients)

    def _about_what_went_in(self) -> list[Indicator]:
        out = []
        models = {Making.TRAINED_MODEL, Making.TRAINED_MODEL_ON_PICTURE}
        for value in self._found.done_with:
            if (known := source_type(value)) is not None and known[1] in models:
                out.append(self._say(self._pick("generative edit"), source_type=known[0]))
                break
        if self._went_in():
            pictures = [ingredient for ingredient in self._found.ingredients if not ingredient.is_text]
            recorded = bool(pictures) and all(ingredient.has_credential for ingredient in pictures)
            relationships = ", ".join(sorted({ingredient.relationship for ingredient in pictures}))
            statement = self._pick("recorded input" if recorded else "input")
            out.append(self._say(statement, relationships=relationships))
        if self._other_picture:
            out.append(self._say(self._pick("other picture")))
        return out


def _standing(credential: Credential) -> str:
    """Why nobody vouches for what a credential says about this content."""
    if credential.integrity is Integrity.BROKEN:
        return "its own record does not verify"
    if credential.bound is Bound.DIFFERS:
        return "made for other content"
    if credential.disputed:
        return "two readers disagree about it"
    if credential.denied:
        return "the operator has ruled out its signing certificate"
    whole = "; the content is intact" if credential.bound is Bound.MATCHES else ""
    if credential.expired:
        return f"its signing certificate has run out, so that nobody can vouch for it today{whole}"
    if credential.trust is None:
        return "its signer is on no list of this operator: anyone may have made it"
    name = credential.organisation or credential.common_name or "an unnamed signer"
    if credential.bound is Bound.UNCLEAR:
        return f"signed by {name}, perhaps for other content"
    return f"signed by {name}, whose product is barred from saying so"


def _names_a_credential(data: bytes) -> bool:
    """Whether the bytes hold the name that every record of a credential, and every box around one, bears."""
    return b"c2pa" in data or b"C2PA" in data
