"""One bank on screen: what is said about it, whether it matches, and what this house thinks of an entry.

An entry is named by its list's own key. Its hashes are shown by their first digits alone.
"""

from __future__ import annotations

from enum import StrEnum
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Form
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from firstlight.banks import Entry, Standing
from firstlight.casework import banking
from firstlight.errors import InputError, NotFoundError
from firstlight.web.access.policy import Permission
from firstlight.web.callers import Caller, ThePages, TheService, require
from firstlight.web.forms import about, refused_in
from firstlight.web.service import Service

router = APIRouter()
Reader = Annotated[Caller, Depends(require(Permission.BANKS_READ))]
Keeper = Annotated[Caller, Depends(require(Permission.BANKS_WRITE))]
Why = Annotated[str, Form(max_length=1000)]


class Opinion(StrEnum):
    """What a person can say of an entry."""

    CONFIRM = "confirm"
    DENY = "deny"
    RESTORE = "restore"
    NOTE = "note"


_STANDINGS = {
    Opinion.CONFIRM: Standing.CONFIRMED,
    Opinion.DENY: Standing.DENIED,
    Opinion.RESTORE: Standing.ACTIVE,
}


@router.get("/banks/{bank}")
def one(bank: str, request: Request, service: TheService, pages: ThePages, _caller: Reader) -> Response:
    """One bank."""
    return _shown(request, service, pages, bank, _spoken_of(request, service, bank))


@router.post("/banks/{bank}/find")
def find(
    bank: str, request: Request, service: TheService, pages: ThePages, _caller: Reader, key: Annotated[str, Form()] = ""
) -> Response:
    """One bank with one of its entries; what is looked for never stands in an address."""
    with about("key"):
        entry = service.home.library.entry(bank, key.strip())
    return _shown(request, service, pages, bank, entry)


@router.post("/banks/{bank}/opinion")
def opinion(
    bank: str,
    request: Request,
    service: TheService,
    pages: ThePages,
    caller: Keeper,
    key: Annotated[str, Form()],
    act: Annotated[Opinion, Form()],
    why: Why = "",
) -> Response:
    """Say what this house thinks of an entry. A denied one matches nothing."""
    home = service.home
    if act is Opinion.NOTE:
        banking.annotate(home, bank, [key], note=why, actor=caller.actor)
    else:
        banking.set_standing(home, bank, [key], _STANDINGS[act], why=_needed(why), actor=caller.actor)
    return _shown(request, service, pages, bank, home.library.entry(bank, key))


@router.post("/banks/{bank}/note")
def note(
    bank: str, service: TheService, caller: Keeper,
    owner: Annotated[str, Form(max_length=200)] = "", licence: Annotated[str, Form(max_length=200)] = "",
    note: Annotated[str, Form(max_length=2000)] = "", why: Why = "",
) -> Response:  # fmt: skip
    """Write what is said about a bank."""
    banking.change_bank(
        service.home, bank, why=why, actor=caller.actor, owner=owner.strip(), licence=licence.strip(), note=note
    )
    return RedirectResponse(f"/banks/{bank}", HTTPStatus.SEE_OTHER)


@router.post("/banks/{bank}/switch")
def switch(
    bank: str, service: TheService, caller: Keeper,
    on: Annotated[bool, Form()], why: Why = "",
) -> Response:  # fmt: skip
    """Let a bank match, or not."""
    act = banking.enable_bank if on else banking.disable_bank
    act(service.home, bank, why=_needed(why), actor=caller.actor)
    return RedirectResponse(f"/banks/{bank}", HTTPStatus.SEE_OTHER)


@router.post("/banks/{bank}/delete")
def delete(
    bank: str, service: TheService, caller: Keeper,
    name: Annotated[str, Form()] = "", why: Why = "",
) -> Response:  # fmt: skip
    """Delete a bank with all its entries, once its name is written out."""
    if name.strip() != bank:
        raise InputError("The name is not that of this bank.", hint=f"Write {bank} to delete it.", field="name")
    banking.delete_bank(service.home, bank, why=_needed(why), actor=caller.actor)
    return RedirectResponse("/banks", HTTPStatus.SEE_OTHER)


def _shown(request: Request, service: Service, pages: ThePages, bank: str, entry: Entry | None = None) -> Response:
    return pages.render(request, "bank.html", bank=service.home.library.bank(bank), entry=entry)


def _spoken_of(request: Request, service: Service, bank: str) -> Entry | None:
    """The entry that a refused opinion was about: the form stands beside it."""
    refused = refused_in(request)
    if refused is None or refused.action != f"/banks/{bank}/opinion":
        return None
    try:
        return service.home.library.entry(bank, next(iter(refused.typed.get("key", ())), ""))
    except NotFoundError:
        return None


def _needed(why: str) -> str:
    if not why.strip():
        raise InputError(
            "A reason is needed for this.", hint="Say in a few words why; it is kept for ever.", field="why"
        )
    return why
