"""`/v1/match`: what the banks hold of hashes, or of bytes that are not kept."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, File, Form, Query, UploadFile

from firstlight.banks import Match
from firstlight.casework import banking, lookup
from firstlight.casework.banking import FileMatches
from firstlight.casework.intake import in_memory
from firstlight.errors import MissingExtraError
from firstlight.values import Digests
from firstlight.web.access.policy import Permission
from firstlight.web.api.models import HashesAsked, MatchAnswer
from firstlight.web.audit import LookUp
from firstlight.web.callers import Caller, TheService, require

router = APIRouter(tags=["matching"])
NAMES = r"^([a-z0-9][a-z0-9._-]{0,63}(,[a-z0-9][a-z0-9._-]{0,63})*)?$"
Matcher = Annotated[Caller, Depends(require(Permission.MATCH))]


@router.post("/match", response_model=MatchAnswer)
def match_hashes(asked: HashesAsked, service: TheService, caller: Matcher) -> MatchAnswer:
    """Look hashes of one piece of media up in the banks."""
    library, banks = service.home.library, asked.banks
    for name in banks or ():
        library.bank(name)
    found: dict[tuple[str, str], Match] = {}
    if asked.md5 and asked.sha1 and asked.sha256:
        digests = Digests(md5=asked.md5, sha1=asked.sha1, sha256=asked.sha256, size=0)
        for one in library.match(digests, None, banks=banks):
            found.setdefault((one.bank, one.entry), one)
    for kind in ("sha256", "sha1", "md5", "pdq"):
        value = getattr(asked, kind)
        if value is not None:
            for one in lookup.hash_matches(library, kind, value, quality=asked.pdq_quality, banks=banks):
                found.setdefault((one.bank, one.entry), one)
    matches = tuple(found.values())
    service.audit.add(LookUp(caller.actor, "hashes", tuple(found)))
    return MatchAnswer(found=any(one.counts for one in matches), matches=matches)


@router.post("/match/media", response_model=FileMatches)
def match_media(
    service: TheService,
    caller: Matcher,
    file: Annotated[UploadFile, File(description="the bytes to look up; they are not kept")],
    banks: Annotated[
        str, Form(max_length=2000, pattern=NAMES, description="names of banks with commas between; all without")
    ] = "",
    any_orientation: Annotated[bool, Query(description="find turned and mirrored pictures too")] = False,
) -> FileMatches:
    """Look bytes up in the banks, by their digests and pixels. With an `error` and no match nothing is known."""
    if service.cage is None:
        raise MissingExtraError("This process has no workers that decode pictures.", hint="Start it with them.")
    names = [name for name in banks.split(",") if name] or None
    with in_memory(file.file.read()) as path:
        (made,) = banking.match_files(service.home, service.cage, [path], banks=names, any_orientation=any_orientation)
    hits = tuple((one.bank, one.entry) for one in made.matches)
    service.audit.add(LookUp(caller.actor, "media", hits))
    return made.model_copy(update={"file": (file.filename or "")[:255]})
