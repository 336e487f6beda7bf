"""How commands ask a person about an entry that matches more than its share."""

from __future__ import annotations

import shlex
from collections.abc import Iterable

from firstlight.banks import Flood
from firstlight.cli import output


def say_floods(floods: Iterable[Flood]) -> None:
    """A loud line for each, and what to do about it."""
    for flood in floods:
        output.say(
            output.one_line(
                f"ASK A PERSON: entry {flood.entry} of {flood.bank} matched {flood.items} of {flood.of} items that "
                f"matched anything, {flood.since:%F %T} to {flood.at:%F %T} UTC."
            )
        )
        named = output.one_line(f"{shlex.quote(flood.bank)} {shlex.quote(flood.entry)}")
        output.say("  Nothing is held back. Look at what it matches, then say whether the entry is right:")
        output.say(f"  firstlight bank confirm {named} --why ..., or: firstlight bank deny {named} --why ...")
