"""A second reader's opinion of a content credential, when one is installed (`encypher-c2pa`).

Readers disagree between versions, so one reader's word is not enough to call anything intact. The second one is asked
with its own network, telemetry and built-in trust lists off, and only whether the record and the content are whole.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Final

_MODULE: Final = "encypher_c2pa"
_PACKAGE: Final = "encypher-c2pa"

_OPTIONS: Final = json.dumps(
    {
        "no_default_trust": True,
        "online": False,
        "online_allow_private_networks": False,
        "telemetry": {"enabled": False},
    }
)


@dataclass(frozen=True, slots=True)
class SecondOpinion:
    """What the second reader says: its name and version, and whether it calls record and content whole."""

    reader: str
    whole: bool


def second_opinion(data: bytes, media_type: str) -> SecondOpinion | None:
    """The second reader's opinion; None when none is installed. A failure of it is an opinion: not whole."""
    try:
        module = import_module(_MODULE)
    except ImportError:
        return None
    try:
        reader = f"{_PACKAGE} {version(_PACKAGE)}"
    except PackageNotFoundError:
        reader = _PACKAGE
    try:
        # The function below the package's own front door, which would write a preference into the home folder.
        report = json.loads(module.verify_bytes(data, media_type, _OPTIONS))
    except (ValueError, TypeError, AttributeError, RuntimeError, RecursionError):
        return SecondOpinion(reader, whole=False)
    if not isinstance(report, dict):
        return SecondOpinion(reader, whole=False)
    return SecondOpinion(reader, whole=report.get("integrity") == "valid" and report.get("hard_binding") == "match")
