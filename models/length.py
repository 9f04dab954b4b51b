"""How long a text may be: looked at before anything else is done with it, whose cost may grow faster than the text."""

from typing import NamedTuple


class Length(NamedTuple):
    """The most that is allowed of a text."""

    characters: int
    in_bytes: int | None = None
    """In UTF-8; None: as many as the characters take."""

    def complaint(self, label: str, text: str) -> str | None:
        """Returns the sentence that refuses the text, None for one that is short enough.

        A form sends each line break as two characters (HTML, section 4.10.21.8), of which the person typed one.
        """
        size, most, unit = len(text) - text.count("\r\n"), self.characters, "characters"
        if size <= most and self.in_bytes is not None:
            size, most, unit = len(text.encode("utf-8", "surrogatepass")), self.in_bytes, "bytes"
        if size <= most:
            return None
        return f"{label} is too long: {size:,} {unit}, at most {most:,} are allowed."
