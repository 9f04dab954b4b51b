"""Numbers as addresses, forms, sessions and settings write them: the only place where digits are read."""

# Far more than any number here has, so that what is too large is told apart from what is no number; `int` takes its
# time with a million.
DIGITS_MOST = 1000


def whole_number(written: str, most: int | None = None) -> int:
    """Returns the number that ASCII digits write, and nothing but digits. Raises ValueError, also above `most`.

    `int` would also take signs, blanks, underscores and the digits of other scripts.
    """
    if not (len(written) <= DIGITS_MOST and written.isascii() and written.isdecimal()):
        raise ValueError(f"not a whole number: {written[:20]!r}")
    number = int(written)
    if most is not None and number > most:
        raise ValueError(f"more than {most}: {written[:20]}")
    return number
