"""The words of every choice on the console's forms: each value of the record with what it means, for people."""

from __future__ import annotations

from dataclasses import dataclass

from firstlight.casework.opinions import Impression
from firstlight.casework.review import Finding
from firstlight.cybertip.drafting.facts import Conduct, FileSign, Sign
from firstlight.cybertip.model.codes import IndustryClassification


@dataclass(frozen=True, slots=True)
class Choice:
    """One value, its name, what it means, and the key that chooses it."""

    value: str
    name: str
    help: str = ""
    key: str = ""


FINDINGS = (
    Choice(Finding.REPORT, "Report it", "It has to be reported, or should be.", "r"),
    Choice(Finding.NOT_REPORTABLE, "Not reportable", "Nothing here has to be reported.", "x"),
)
CONDUCT = (
    Choice(Conduct.MATERIAL, "Abuse material", "Somebody has it, made it or passed it on."),
    Choice(Conduct.ENTICEMENT, "Enticement", "Somebody tries to get a child to do something sexual."),
    Choice(
        Conduct.OBSCENE_TO_CHILD, "Sent to a child", "Obscene material was sent to a child without being asked for."
    ),
    Choice(Conduct.TRAFFICKING, "Trafficking", "A child is sold or offered."),
    Choice(Conduct.MOLESTATION, "Hands-on abuse", "A child is being abused."),
    Choice(Conduct.TOURISM, "Travelling abuse", "Somebody travels, or plans to, in order to abuse a child."),
    Choice(Conduct.MISLEADING_WORDS, "Misleading words or images", "Made to lead people to such material."),
    Choice(Conduct.MISLEADING_DOMAIN, "Misleading domain", "A domain name made to lead people to such material."),
)
CLASSES = (
    Choice(IndustryClassification.A1, "A1", "Before puberty; a sex act", "1"),
    Choice(IndustryClassification.A2, "A2", "Before puberty; lascivious exhibition", "2"),
    Choice(IndustryClassification.B1, "B1", "In puberty; a sex act", "3"),
    Choice(IndustryClassification.B2, "B2", "In puberty; lascivious exhibition", "4"),
    Choice("", "No class", "Nobody looked, or it does not fit", "0"),
)
FILE_SIGNS = (
    Choice(FileSign.DRAWN, "Drawn or animated"),
    Choice(FileSign.SELF_PRODUCED, "Possibly self-produced"),
    Choice(FileSign.POTENTIAL_MEME, "Possibly passed on as a meme"),
    Choice(FileSign.VIRAL, "Viral"),
    Choice(FileSign.LIVE_STREAM, "From a live stream"),
    Choice(FileSign.PHYSICAL_HARM, "Physical harm"),
    Choice(FileSign.GORE, "Violence or gore"),
    Choice(FileSign.ANIMALS, "Animals"),
    Choice(FileSign.INFANT, "Infant"),
)
CASE_SIGNS = (
    Choice(Sign.SEXTORTION, "Sextortion"),
    Choice(Sign.SOLICITATION, "Solicitation"),
    Choice(Sign.BETWEEN_MINORS, "Between minors"),
    Choice(Sign.SADISTIC, "Sadistic online exploitation"),
    Choice(Sign.SPAM, "Spam"),
)
IMPRESSIONS = (
    Choice(Impression.PHOTOGRAPH, "A photograph", key="1"),
    Choice(Impression.GENERATED, "Made by a machine", key="2"),
    Choice(Impression.EDITED, "An edited photograph", key="3"),
    Choice(Impression.DRAWN, "Drawn by hand", key="4"),
    Choice(Impression.CANNOT_TELL, "I cannot tell", key="5"),
    Choice(Impression.NOT_LOOKED, "I did not look", key="6"),
)
KIND_WORDS = {
    "invalid": ("Invalid", "The service would refuse it."),
    "untrue": ("Not on record", "It claims what the log does not hold."),
    "thin": ("Missing", "It can be filed, and could be acted on more easily."),
}
