"""Rules for tests: their groups hold vegetables and the places where they are kept."""

from __future__ import annotations

from firstlight.gate.matching import TermRules
from firstlight.gate.rules import RulesSource, build_rules

KEY = b"a key for tests, thirty-two long"

SOURCE = """
[groups]
roots = ["carrot", "red beet", "морковь", "にんじん", "แครอท", "胡萝卜", "parsnips"]
places = ["cellar", "pantry", "cold store"]
herbs = ["thyme"]

[[rules]]
id = "r1"
groups = ["roots", "places"]
within = 8

[[rules]]
id = "r2"
groups = ["herbs"]
outcome = "review"

[[rules]]
id = "r3"
groups = ["roots", "herbs"]
within = 4
surfaces = ["text"]
near = false

[exceptions]
phrases = ["carrot cake", "thyme honey"]
"""


def source(text: str = SOURCE) -> RulesSource:
    return RulesSource.parse(text.encode())


def rules(text: str = SOURCE, key: bytes = KEY) -> TermRules:
    return TermRules(build_rules(source(text), key), key)
