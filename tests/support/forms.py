"""The forms of a page, as a browser sees them."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

TYPED = {"text", "email", "number", "password", "textarea"}


@dataclass
class Sent:
    """One control of a form."""

    kind: str
    name: str
    value: str


@dataclass
class FormSeen:
    """A form that is sent with POST."""

    action: str
    controls: list[Sent] = field(default_factory=list)

    @property
    def values(self) -> dict[str, str]:
        """What is sent when nothing is typed."""
        return {each.name: each.value for each in self.controls}

    @property
    def typed(self) -> list[str]:
        """The names of what is typed in."""
        return [each.name for each in self.controls if each.kind in TYPED]

    def filled(self) -> dict[str, str]:
        """What is sent when something else is typed into every field."""
        return {**self.values, **{name: mark(name) for name in self.typed}}


def mark(name: str) -> str:
    """Returns what `filled` types into a field: found again wherever it is shown."""
    return f"typed-{name.replace('_', '-')}"


class Reader(HTMLParser):
    """Collects forms, and the text of their text areas."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[FormSeen] = []
        self._form: FormSeen | None = None
        self._area: Sent | None = None
        self._select: Sent | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Takes note of what begins."""
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._form = FormSeen(given["action"]) if given.get("method") == "post" else None
            if self._form:
                self.forms.append(self._form)
        if self._form is None:
            return
        if tag == "input" and given.get("type") not in ("checkbox", "submit") and "name" in given:
            self._add(Sent(given.get("type", "text"), given["name"], given.get("value", "")))
        elif tag == "textarea":
            self._area = self._add(Sent("textarea", given["name"], ""))
        elif tag == "select":
            self._select = self._add(Sent("select", given["name"], ""))
        elif tag == "option" and self._select and ("selected" in given or not self._select.value):
            self._select.value = given.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        """Takes note of what ends."""
        if tag == "form":
            self._form = None
        elif tag == "textarea" and self._area:
            self._area.value, self._area = self._area.value.strip("\r\n"), None
        elif tag == "select":
            self._select = None

    def handle_data(self, data: str) -> None:
        """Adds to the text area that is open."""
        if self._area:
            self._area.value += data

    def _add(self, control: Sent) -> Sent:
        if self._form:
            self._form.controls.append(control)
        return control


def forms_of(html: str) -> dict[str, FormSeen]:
    """Returns the forms of a page by the address that they are sent to."""
    reader = Reader()
    reader.feed(html)
    return {each.action: each for each in reader.forms}
