"""`/v1/banks`: hash lists and their entries. No list is given out again: hashes are masked."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from firstlight.banks import AddReport, Bank, BankReport, NewEntry, StandingReport
from firstlight.casework import banking
from firstlight.errors import InputError
from firstlight.web.access.policy import Permission
from firstlight.web.api.models import BankChange, BankName, EntriesAsked, EntryAnswer, NewBank, StandingAsked
from firstlight.web.callers import Caller, TheService, require

router = APIRouter(tags=["banks"])
Named = Annotated[BankName, Path()]
Reader = Annotated[Caller, Depends(require(Permission.BANKS_READ))]
Writer = Annotated[Caller, Depends(require(Permission.BANKS_WRITE))]


@router.get("/banks", response_model=tuple[Bank, ...])
def list_banks(service: TheService, _caller: Reader) -> tuple[Bank, ...]:
    """Every bank, by name."""
    return service.home.library.banks()


@router.post("/banks", response_model=BankReport, status_code=201)
def create(asked: NewBank, service: TheService, caller: Writer) -> BankReport:
    """Make an empty bank."""
    settings = asked.model_dump(exclude={"name", "purpose"})
    return banking.create_bank(service.home, asked.name, asked.purpose, actor=caller.actor, **settings)


@router.get("/banks/{bank}", response_model=Bank)
def show(bank: Named, service: TheService, _caller: Reader) -> Bank:
    """One bank."""
    return service.home.library.bank(bank)


@router.patch("/banks/{bank}", response_model=BankReport)
def change(bank: Named, asked: BankChange, service: TheService, caller: Writer) -> BankReport:
    """Change how a bank matches or what is said about it, or switch it off and on."""
    changes = asked.model_dump(exclude={"enabled", "why"}, exclude_none=True)
    report = None
    if changes or asked.enabled is None:
        report = banking.change_bank(service.home, bank, why=asked.why, actor=caller.actor, **changes)
    if asked.enabled is True:
        report = banking.enable_bank(service.home, bank, why=asked.why, actor=caller.actor)
    elif asked.enabled is False:
        why = asked.why if asked.why.strip() else f"switched off by {caller.actor}"
        report = banking.disable_bank(service.home, bank, why=why, actor=caller.actor)
    if report is None:
        raise InputError("Nothing is named that should change.")
    return report


@router.delete("/banks/{bank}", response_model=BankReport)
def delete(
    bank: Named,
    service: TheService,
    caller: Writer,
    why: Annotated[str, Query(min_length=1, max_length=2000, pattern=r"\S")],
) -> BankReport:
    """Remove a bank and all its entries. What it matched before stays on record."""
    return banking.delete_bank(service.home, bank, why=why, actor=caller.actor)


@router.post("/banks/{bank}/entries", response_model=AddReport)
def add(bank: Named, asked: EntriesAsked, service: TheService, caller: Writer) -> AddReport:
    """Add entries; they match at once. Those of which no entry can be made are counted and named by their position."""
    entries = (NewEntry(**one.model_dump()) for one in asked.entries)
    return banking.add_entries(service.home, bank, entries, actor=caller.actor)


@router.get("/banks/{bank}/entries/{key:path}", response_model=EntryAnswer)
def show_entry(
    bank: Named, key: Annotated[str, Path(min_length=1, max_length=200)], service: TheService, _caller: Reader
) -> EntryAnswer:
    """One entry by its key, with its hashes masked. A key may hold slashes: written as `%2F` or as they are."""
    return EntryAnswer.of(service.home.library.entry(bank, key))


@router.post("/banks/{bank}/standing", response_model=StandingReport)
def set_standing(bank: Named, asked: StandingAsked, service: TheService, caller: Writer) -> StandingReport:
    """Confirm, deny, withdraw or restore (to `active`) entries by their keys."""
    return banking.set_standing(service.home, bank, asked.keys, asked.standing, why=asked.why, actor=caller.actor)
