"""What is sealed is hidden in what containers and engines say, and hiding it gives nothing away."""

import pytest

from worker.engine.masking import MASK, masked

LONG = "a1b2c3d4e5f6a7b8"


@pytest.mark.parametrize(
    ("said", "values", "shown"),
    [
        ("password is hunter22!", ["hunter22"], f"password is {MASK}!"),
        ("postgres://app:hunter22@db", ["hunter22"], f"postgres://app:{MASK}@db"),
        ("range of CPUs is from 0.01 to 2.00", ["a"], "range of CPUs is from 0.01 to 2.00"),
        ("redeployed", ["deploy"], "redeployed"),
        ("to deploy", ["deploy"], f"to {MASK}"),
        (f"x{LONG}y", [LONG], f"x{MASK}y"),
        ("p%40ss%20word", ["p@ss word"], MASK),
        (r'{"key": "a\"b\\c-de"}', ['a"b\\c-de'], f'{{"key": "{MASK}"}}'),
        (r'{"key": "gr\u00fcn-gold"}', ["grün-gold"], f'{{"key": "{MASK}"}}'),
        (r'{"key": "first-line\nsecond-line\n"}', ["first-line\nsecond-line"], rf'{{"key": "{MASK}\n{MASK}\n"}}'),
        ("--secret--", ["--secret--"], MASK),
        ("BEGIN\nfirst-line\nend\nsecond-line\n", ["first-line\nsecond-line"], f"BEGIN\n{MASK}\nend\n{MASK}\n"),
        ("secret-one and secret-one-more", ["secret-one", "secret-one-more"], f"{MASK} and {MASK}"),
        (r"f%C3%BCr f\u00fcr", ["ü"], r"f%C3%BCr f\u00fcr"),
        ("nothing", ["", "   ", "\n"], "nothing"),
    ],
)
def test_a_value_is_hidden_as_a_word_or_because_it_is_too_long_to_be_one(
    said: str, values: list[str], shown: str
) -> None:
    assert masked(said, values) == shown
