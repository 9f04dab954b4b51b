"""Rules for our own styles and scripts: colours have names, and nothing lies there unused."""

import re
from pathlib import Path

import pytest

from web.assets import SCRIPTS, STYLES

ROOT = Path(__file__).resolve().parent.parent.parent
CSS, JS = ROOT / "static" / "css", ROOT / "static" / "js"
TOKENS = CSS / "tokens.css"
OTHERS = [file for file in sorted(CSS.glob("*.css")) if file != TOKENS]
NAMED = "white|black|gr[ae]y|silver|red|green|blue|yellow|orange|purple|pink|brown|navy|teal|maroon|olive"
COLOUR = re.compile(
    rf"#[0-9a-f]{{3,8}}\b|\b(?:rgb|hsl|hwb|lab|lch|oklab|oklch|color)a?\(|(?<![-\w])(?:{NAMED})(?![-\w])"
)
# Completed by a value: `state-{{ word }}`, `person-{{ id % 6 }}`; test_chips.py knows the tones.
BUILT = re.compile(r"^(state|person|action)-")


def rules(file: Path) -> str:
    """What a style sheet says, without its comments."""
    return re.sub(r"/\*.*?\*/", "", file.read_text(), flags=re.DOTALL)


def colours(css: str) -> list[str]:
    """The colours that are written down in the values of some rules."""
    return [found for value in re.findall(r":\s*([^;{}]+);", css) for found in COLOUR.findall(value.lower())]


def styles() -> str:
    """All our style sheets, one after the other."""
    return "\n".join(rules(file) for file in (TOKENS, *OTHERS))


@pytest.mark.parametrize("file", OTHERS, ids=lambda file: file.name)
def test_colours_are_written_down_in_the_tokens_alone(file: Path) -> None:
    assert colours(rules(file)) == []


def test_a_colour_that_is_written_down_would_be_found() -> None:
    assert colours("a { color: #fff; }") == ["#fff"]
    assert colours("a { box-shadow: 0 0 1px rgb(0 0 0 / 5%); }") == ["rgb("]
    assert colours("a { border: 1px solid White; }") == ["white"]
    assert not colours("a { color: var(--ink); border-color: transparent; background: var(--red-ish); }")


def test_every_token_is_defined_once_and_used() -> None:
    css = styles()
    defined = re.findall(r"(--[a-z0-9-]+)\s*:", css)
    once = [name for name in defined if name not in ("--edge", "--underline-inset")]  # narrower on a phone

    assert len(once) == len(set(once))
    assert set(defined) == set(re.findall(r"var\((--[a-z0-9-]+)", css))


def test_the_browsers_own_frame_has_colours_of_the_tokens() -> None:
    told = re.findall(r'name="theme-color" content="(#[0-9a-f]+)"', (ROOT / "templates" / "base.html").read_text())

    assert len(told) == 2
    assert set(told) <= set(re.findall(r"#[0-9a-f]{6}", TOKENS.read_text()))


def test_every_class_that_is_styled_is_used() -> None:
    pages = "\n".join(file.read_text() for file in [*(ROOT / "templates").rglob("*.html"), *JS.glob("*.js")])
    used = set(re.findall(r"[a-z][a-z0-9-]*", pages)) | {"htmx-request"}
    styled = set(re.findall(r"\.([a-z][a-z0-9-]*)", re.sub(r":[^;{}]+;", "", re.sub(r'url\("[^"]*"\)', "", styles()))))

    assert {name for name in styled - used if not BUILT.match(name)} == set()


def test_every_file_is_joined_into_what_is_served() -> None:
    assert {file.stem for file in CSS.iterdir()} == set(STYLES)
    assert {file.stem for file in JS.iterdir()} == set(SCRIPTS)


# With such a rule, a row that is put in has the browser look at every element beside it, and at all that is in those.
AFTER_ANYTHING = re.compile(r"[+~]\s*(?:[*:\[]|$)")


def after_anything(css: str) -> list[str]:
    """The selectors for whatever follows something, whose tag or class they leave open."""
    selectors = re.findall(r"[^{};]+(?=\{)", css)
    return [each.strip() for each in selectors if AFTER_ANYTHING.search(re.sub(r":has\([^)]*\)", "", each))]


def test_no_rule_is_for_whatever_follows_something() -> None:
    assert after_anything(styles()) == []


def test_a_rule_for_whatever_follows_something_would_be_found() -> None:
    assert after_anything(".a > b + * i { }") == [".a > b + * i"]
    assert after_anything(".a ~ :not(b) { }") == [".a ~ :not(b)"]
    assert not after_anything(".a:not(b) + li:not(c) { } .a:has(+ :popover-open) { }")
