"""Roles and what each may do: one table, one function.

Whoever runs the machine (`admin`) sees no content. Whoever audits reads records and no media. A machine's key carries
the permissions named in its scopes, and only those of `FOR_MACHINES`: no machine looks at a picture, decides or files.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from firstlight.errors import InputError


class Role(StrEnum):
    """What somebody is here for. One person may have several."""

    REVIEWER = "reviewer"
    SENIOR = "senior"
    CUSTODIAN = "custodian"
    KEY_OFFICER = "key-officer"
    ADMIN = "admin"
    AUDITOR = "auditor"
    INGEST = "ingest"


class Permission(StrEnum):
    """What a route asks for. Every route names exactly one."""

    SELF = "self"
    """One's own sign-in, passkeys and settings."""
    QUEUE_READ = "queue:read"
    CASES_READ = "cases:read"
    """Facts of cases and items, never media."""
    MEDIA_VIEW = "media:view"
    MEDIA_VIEW_SEVERE = "media:view-severe"
    """As `media:view`; asks for a fresh proof of who one is."""
    DECIDE = "cases:decide"
    SECOND_OPINION = "cases:second-opinion"
    FILINGS_READ = "filings:read"
    REPORT = "filings:write"
    """Draft, check and file reports."""
    SEARCH = "search"
    BANKS_READ = "banks:read"
    BANKS_WRITE = "banks:write"
    CUSTODY_READ = "custody:read"
    """Events, proofs and checkpoints of the custody log."""
    HOLDS = "custody:holds"
    EXPORT = "custody:export"
    """Evidence packages; asks for a fresh proof of who one is."""
    APPROVE = "acts:approve"
    """To be the second person of an act that needs two."""
    KEYS = "keys:write"
    DASHBOARD = "dashboard:read"
    USERS = "users:write"
    SETTINGS_READ = "settings:read"
    SETTINGS_WRITE = "settings:write"
    JOBS = "jobs:read"
    ITEMS_WRITE = "items:write"
    MATCH = "match"
    HASH = "hash"


_P = Permission
_FACTS = {_P.QUEUE_READ, _P.CASES_READ, _P.FILINGS_READ, _P.DASHBOARD}
_REVIEW = {*_FACTS, _P.MEDIA_VIEW, _P.MEDIA_VIEW_SEVERE, _P.DECIDE, _P.REPORT, _P.SEARCH, _P.MATCH, _P.HASH}

GRANTS: dict[Role, frozenset[Permission]] = {
    Role.REVIEWER: frozenset({_P.SELF, *_REVIEW, _P.BANKS_READ, _P.ITEMS_WRITE}),
    Role.SENIOR: frozenset(
        {
            *{_P.SELF, *_REVIEW, _P.SECOND_OPINION, _P.BANKS_READ, _P.BANKS_WRITE, _P.ITEMS_WRITE, _P.CUSTODY_READ},
            *{_P.EXPORT, _P.APPROVE, _P.JOBS},
        }
    ),
    Role.CUSTODIAN: frozenset({_P.SELF, *_FACTS, _P.SEARCH, _P.CUSTODY_READ, _P.HOLDS, _P.EXPORT, _P.APPROVE, _P.JOBS}),
    Role.KEY_OFFICER: frozenset({_P.SELF, _P.KEYS, _P.APPROVE, _P.CUSTODY_READ}),
    Role.ADMIN: frozenset({_P.SELF, _P.USERS, _P.SETTINGS_READ, _P.SETTINGS_WRITE, _P.JOBS, _P.DASHBOARD}),
    Role.AUDITOR: frozenset({_P.SELF, *_FACTS, _P.CUSTODY_READ, _P.SETTINGS_READ, _P.BANKS_READ, _P.JOBS}),
    Role.INGEST: frozenset({_P.SELF, _P.ITEMS_WRITE, _P.MATCH, _P.HASH}),
}
"""What each role may do."""

FOR_MACHINES = frozenset(
    {
        *{_P.ITEMS_WRITE, _P.MATCH, _P.HASH, _P.QUEUE_READ, _P.CASES_READ, _P.FILINGS_READ, _P.BANKS_READ},
        *{_P.BANKS_WRITE, _P.CUSTODY_READ, _P.DASHBOARD, _P.JOBS},
    }
)
"""What the key of a machine may be good for: neither media nor a decision nor a report."""


def may(roles: Iterable[Role], permission: Permission) -> bool:
    """Whether somebody with these roles may do this."""
    return any(permission in GRANTS[role] for role in roles)


def permissions_of(roles: Iterable[Role]) -> frozenset[Permission]:
    """Everything that somebody with these roles may do."""
    return frozenset().union(*(GRANTS[role] for role in roles))


def roles_named(names: Iterable[str]) -> tuple[Role, ...]:
    """The roles with these names, each once, in the order of the table.

    Raises:
        InputError: there is no such role, or none is named.
    """
    wanted = set(names)
    strange = sorted(wanted - set(Role))
    if strange or not wanted:
        said = f"There is no role {strange[0]!r}." if strange else "No role is named."
        raise InputError(said, hint=f"A role is one of: {', '.join(Role)}.", field="roles")
    return tuple(role for role in Role if role in wanted)


def scopes_named(names: Iterable[str]) -> tuple[Permission, ...]:
    """The scopes that the key of a machine may carry.

    Raises:
        InputError: there is no such scope, none is named, or no machine may have it.
    """
    wanted = set(names)
    strange = sorted(wanted - set(FOR_MACHINES))
    if strange or not wanted:
        said = f"A key cannot have the scope {strange[0]!r}." if strange else "No scope is named."
        raise InputError(said, hint=f"A scope is one of: {', '.join(sorted(FOR_MACHINES))}.")
    return tuple(permission for permission in Permission if permission in wanted)
