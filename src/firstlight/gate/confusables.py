"""Letters that look like others: what a spelling is folded to before it is compared.

Compatibility forms (full-width, mathematical, circled) and accents are undone by Unicode's own decomposition; here
stands what it leaves alone. The table is small on purpose: a fold that is too eager makes words alike that no reader
would confuse.
"""

from __future__ import annotations

from typing import Final

_PAIRS: Final = (
    "аa вb еe оo рp сc хx уy кk мm тt нh гr пn иu зe ьb іi јj ѕs ԁd ԛq ԝw һh ӏl ѵv ғf ԍg "  # Cyrillic
    "αa βb εe ιi κk νv οo ρp τt υu χx ωw ςs ηn γy μu "  # Greek
    "օo սu ոn հh ցg զq "  # Armenian
    "ıi øo đd ħh ŧt łl ɑa ɡg ɩi ɪi ʟl ɴn ʀr ʏy ʙb ᴀa ᴄc ᴅd ᴇe ᴊj ᴋk ᴍm ᴏo ᴘp ᴛt ᴜu ᴠv ᴡw ᴢz ɢg ʜh ꜱs ƒf ꞵb ᴎn "
    "ɐa ɔc ǝe ɥh ɯm ɹr ʇt ʌv ʍw ʎy ʞk ƨs ʂs ɾr ȷj ∂d †t ƚl ℓl"  # Latin letters of their own, and turned ones
)
_LONG: Final = {"ß": "ss", "æ": "ae", "œ": "oe", "þ": "th"}

_ENCLOSED: Final = (0x1F150, 0x1F170, 0x1F1E6)
"""Where the alphabets begin that have no decomposition: negative circled, negative squared, regional indicators."""

LOOKALIKES: Final[dict[int, str]] = {
    **{ord(pair[0]): pair[1] for pair in _PAIRS.split()},
    **{ord(letter): text for letter, text in _LONG.items()},
}
"""For `str.translate`, after casefolding: a letter's look-alike in the basic Latin alphabet."""

ENCLOSED: Final[dict[int, str]] = {first + i: chr(ord("a") + i) for first in _ENCLOSED for i in range(26)}
"""Letters in boxes and circles that Unicode takes for pictures."""

LEET: Final[dict[int, int]] = str.maketrans("0345678@$!|+€£", "oeasgtbasiitel")
"""Digits and signs as the letters they stand for; `1` is read both as `i` and as `l`."""
