"""Names that pass for what they are not: that look empty, or like what the log calls the platform itself."""

import unicodedata

from models.field import is_ignorable
from models.log.actor import SYSTEM_NAME

ERASED = "erased person"
# What Unicode's confusables.txt takes for the letters of "system", small or capital, beyond what NFKD and case folding
# bring together.
LOOK_ALIKE = {
    "s": "\u01bd\u0455\u057f\u13da\u13d5\ua731\ua4e2\U00010296\U00010448\U000118c1\U00016f3a",
    "y": (
        "\u0263\u028f\u03b3\u03c5\u0443\u04af\u10e7\u13a9\u13bd\u1d8c\u1eff\u2ca9\ua4ec\uab5a"
        "\U000102b2\U000118c4\U000118dc\U00016f43"
    ),
    "t": "\u03c4\u0442\u13a2\u22a4\u27d9\u2ca7\ua4d4\U00010297\U000102b1\U00010315\U00016f0a\U0001f768",
    "e": "\u03b5\u0435\u04bd\u13ac\u212e\u22ff\u2d39\ua4f0\uab32\U00010286\U000118c6\U000118ce",
    "m": "\u03bc\u03fb\u043c\u13b7\u15f0\u16d6\u2c99\ua4df\U000102b0\U00010311",
}
PLAIN = str.maketrans({each.casefold(): letter for letter, others in LOOK_ALIKE.items() for each in others})


def reads_as_system(name: str) -> bool:
    """Whether people would read the name as "system", whatever script, accents or invisible characters it has."""
    shown = "".join(each for each in unicodedata.normalize("NFKD", name) if _counts(each))
    # "rn" is how the same table writes what looks like an m.
    return shown.strip().casefold().translate(PLAIN).replace("rn", "m") == SYSTEM_NAME


def reads_as_erased(name: str) -> bool:
    """Whether the name begins like what the log calls someone who was erased."""
    shown = "".join(each for each in unicodedata.normalize("NFKD", name) if _counts(each))
    return " ".join(shown.split()).casefold().startswith(ERASED)


def _counts(character: str) -> bool:
    return unicodedata.category(character) not in ("Cf", "Mn") and not is_ignorable(character)
