"""The gate: what stands in front of an image generator, and what it remembers of what went out.

`Guard` looks at prompts, input pictures and outputs. A check that cannot be made closes it.
"""

from firstlight.gate.checks import BanksCheck, PictureCheck, Prompt, PromptCheck, RulesCheck, Said
from firstlight.gate.decision import REFUSAL, Decision, Stage
from firstlight.gate.guard import Asker, Guard, InputsSeen, OutputSeen, Stopped
from firstlight.gate.matching import RuleHit, TermRules
from firstlight.gate.pictures import GATE_PRELOAD, SeenPicture
from firstlight.gate.rules import Outcome, Rules, RulesSource, build_rules
from firstlight.gate.trial import RulesTrial, try_rules

__all__ = [
    "GATE_PRELOAD",
    "REFUSAL",
    "Asker",
    "BanksCheck",
    "Decision",
    "Guard",
    "InputsSeen",
    "Outcome",
    "OutputSeen",
    "PictureCheck",
    "Prompt",
    "PromptCheck",
    "RuleHit",
    "Rules",
    "RulesCheck",
    "RulesSource",
    "RulesTrial",
    "Said",
    "SeenPicture",
    "Stage",
    "Stopped",
    "TermRules",
    "build_rules",
    "try_rules",
]
