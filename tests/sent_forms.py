"""Forms of pages, and what they send as they stand."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser


@dataclass
class SentForm:
    """A form of a page: where it leads, and what it sends as it stands, without its buttons."""

    id: str
    action: str
    values: dict[str, list[str]] = field(default_factory=dict)

    def __getitem__(self, name: str) -> str:
        return self.values.get(name, [""])[-1]

    @property
    def sent(self) -> dict[str, str]:
        """What it sends, where each name comes once."""
        return {name: self[name] for name in self.values}


class FormReader(HTMLParser):
    """Reads the forms of a page as a browser without scripts does."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.forms: list[SentForm] = []
        self.open: SentForm | None = None
        self.text: tuple[str, list[str]] | None = None
        self.select: tuple[str, bool, list[str]] | None = None
        self.feed(page)

    def add(self, name: str | None, value: str) -> None:
        if self.open is not None and name:
            self.open.values.setdefault(name, []).append(value)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.open = SentForm(given.get("id", ""), given.get("action", ""))
            self.forms.append(self.open)
        elif tag == "input" and given.get("type") != "file":
            if given.get("type") not in ("checkbox", "radio") or "checked" in given:
                self.add(given.get("name"), given.get("value", "on" if given.get("type") == "checkbox" else ""))
        elif tag == "textarea":
            self.text = given.get("name", ""), []
        elif tag == "select":
            self.select = given.get("name", ""), "multiple" in given, []
        elif tag == "option" and self.select is not None and ("selected" in given or not self.select[2]):
            if "selected" in given and not self.select[1]:
                self.select[2].clear()
            if "selected" in given or not self.select[1]:
                self.select[2].append(given.get("value", ""))

    def handle_data(self, data: str) -> None:
        if self.text is not None:
            self.text[1].append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.open = None
        elif tag == "textarea" and self.text is not None:
            self.add(self.text[0], "".join(self.text[1]).removeprefix("\n"))
            self.text = None
        elif tag == "select" and self.select is not None:
            for value in self.select[2]:
                self.add(self.select[0], value)
            self.select = None


def read_forms(page: str) -> list[SentForm]:
    """The forms of a page."""
    return FormReader(page).forms


def form_to(page: str, end: str, having: str = "") -> SentForm | None:
    """The form of a page that leads to an address with this end, and has an input that is called so."""
    found = (each for each in read_forms(page) if each.action.endswith(end))
    return next((each for each in found if not having or having in each.values), None)


def read_form(page: str, end: str, having: str = "") -> dict[str, str]:
    """What it sends as it stands."""
    found = form_to(page, end, having)
    assert found, page
    return found.sent
