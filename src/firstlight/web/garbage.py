"""Garbage collection around the start of a process that serves.

A start makes little rubbish, and looking for it takes a seventh of the time. What a start leaves behind stays, and no
collection has to walk through it again.
"""

from __future__ import annotations

import gc


def hold() -> None:
    """Look for no rubbish until `settle` is called."""
    gc.disable()


def settle() -> None:
    """The start is over, or has failed: leave what is there alone, and look for rubbish among what comes."""
    gc.freeze()
    gc.enable()


__all__ = ["hold", "settle"]
