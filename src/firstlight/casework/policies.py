"""Which retention policies a home has, and which of them starts which clock: shipped ones, and the operator's own."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from firstlight.casework.settings import Retention
from firstlight.custody import RetentionTable
from firstlight.errors import InputError, NotFoundError, RefusedError

FILE = "retention.toml"
"""The operator's own policies, in the folder of the home."""

ELEMENTS = "elements.toml"
"""The operator's own table of elements for worksheets, in the folder of the home."""


@dataclass(frozen=True, slots=True)
class Policies:
    """All policies, and the names of those in force. Without a home's own: those of the United States."""

    table: RetentionTable = field(default_factory=RetentionTable.load)
    reported: str = Retention().reported
    not_reported: str = Retention().not_reported


def load(folder: Path, chosen: Retention) -> Policies:
    """The policies of the home in this folder: the shipped ones, and those of its own file beside them.

    Raises:
        InputError: the file holds no policies.
        RefusedError: it says otherwise of a policy that a statute asks for.
        NotFoundError: the settings name a policy that is in neither.
    """
    table = RetentionTable.load()
    path = folder / FILE
    if path.exists():
        own = RetentionTable.load(path)
        for name, policy in own.policy.items():
            shipped = table.policy.get(name)
            if shipped is not None and shipped.minimum and policy != shipped:
                raise RefusedError(
                    f"{path} changes the policy {name}, which a statute asks for.",
                    hint="Give yours another name.",
                    code="refused.retention",
                )
        table = RetentionTable(version=own.version, policy=table.policy | own.policy)
    for name in (chosen.reported, chosen.not_reported):
        if name not in table.policy:
            raise NotFoundError(
                f"The settings name the retention policy {name!r}, which is not there.",
                hint=f"There are: {', '.join(table.policy)}. More go into {path}.",
            )
    if not table.policy[chosen.reported].minimum:
        raise InputError(
            f"The policy {chosen.reported!r} is to start at reports and is no minimum.",
            hint="What was reported is kept for as long as a law says: set minimum = true.",
        )
    return Policies(table, chosen.reported, chosen.not_reported)
