"""What was typed into a form that came to nothing: only that, and each text by the name of its input."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import aclosing
from html import unescape
from html.parser import HTMLParser

import httpx
import pytest

from app.web.texts import translations
from app.web.typed_inputs import UNTYPED, find_inputs
from tests.conftest import Server

PAGES = (
    *("/c/books/fields", "/c/books/permissions", "/c/books/import"),
    *("/collections/new", "/settings", "/settings/security", "/settings/apps", "/settings/webhooks", "/members"),
    *("/account", "/account/security", "/account/tokens", "/announcements", "/notifications/preferences"),
    *("/chat/new", "/chat/general", "/chat/general/about", "/c/books/columns", "/c/books/1"),
)
# Fields of records are called by themselves, and what is beside something else says nothing alone.
OF_FIELDS = re.compile(r".*f[0-9]+|choice-[0-9]+-place")


class Forms(HTMLParser):
    """The forms of a page: where each is sent, and its inputs with whether one types in them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, bool]]] = []
        self.is_open = False
        self.feed(text)

    def handle_starttag(self, tag: str, given: list[tuple[str, str | None]]) -> None:
        has = dict(given)
        if tag == "form" and has.get("method") == "post":
            self.found.append(((has.get("action") or "").partition("?")[0].partition("#")[0], {}))
            self.is_open = True
        elif self.is_open and (name := has.get("name")) and tag in ("input", "textarea", "select", "button"):
            is_typed = tag == "textarea" or (tag == "input" and has.get("type") not in UNTYPED)
            self.found[-1][1][name] = is_typed or self.found[-1][1].get(name, False)

    def handle_endtag(self, tag: str) -> None:
        self.is_open = self.is_open and tag != "form"


@pytest.fixture
async def ana(shared_server: Server) -> AsyncIterator[httpx.AsyncClient]:
    async with aclosing(shared_server.let_in("acme", "ana@acme.test")) as client:
        yield client


async def test_of_each_form_is_known_what_is_typed_in_it(ana: httpx.AsyncClient) -> None:
    tried = set()
    of_fields = re.findall(r'href="(/c/books/fields/f\d+)"', (await ana.get("/c/books/fields")).text)
    for page in (*PAGES, *sorted({*of_fields})):
        answer = await ana.get(page)
        assert answer.status_code == 200, page
        for action, inputs in Forms(answer.text).found:
            known = find_inputs(action, inputs)
            for name, is_typed in inputs.items():
                if OF_FIELDS.fullmatch(name):
                    continue
                if is_typed and name not in known:  # it is all filled in, and shown without a label
                    continue
                assert name in known, f"{page}: {action} has {name}"
                assert known[name].is_typed == is_typed, f"{page}: {action} has {name}"
                assert not is_typed or known[name].label, f"{page}: {action} has {name}, which is called nothing"
                tried.add(name)
    assert {"text", "label", "member-edit", "form-key", "collection_name", "kinds"} <= tried


async def test_an_error_shows_what_was_typed_by_its_label_and_nothing_else(shared_server: Server) -> None:
    say = translations("en").gettext
    async with aclosing(shared_server.let_in("acme", "carla@acme.test")) as carla:
        (number,) = set(re.findall(r'<body [^>]*data-member="(\d+)"', (await carla.get("/")).text))
        for address, form, shown in (
            ("/c/books/permissions", {"member-browse": "yes", "member-edit": "own", "seen-state": "ab"}, []),
            (
                "/c/books/fields",
                {"label": "Size", "kind": "text", "default": "12", "required": "yes", "grouping": "yes"},
                [(say("Name"), "Size"), (say("Default"), "12")],
            ),
            (
                "/c/books/fields/f3",
                {"label": "State", "choice-1-name": "Good", "choice-1-place": "1", "choice-1-color": "green"},
                [(say("Name"), "State"), (say("Name of a choice"), "Good")],
            ),
            ("/settings", {"name": "Ours", "language": "pt_BR", "color": "blue"}, [(say("Name"), "Ours")]),
            (
                "/c/books/rename",
                {"collection_name": "Volumes", "icon": "box", "color": "blue", "description": "All"},
                [(say("Name"), "Volumes"), (say("Description"), "All")],
            ),
        ):
            answer = await carla.post(address, data={"for-member": number, "form-key": "k" * 22, **form})
            assert answer.status_code == 403, address
            found = re.findall(
                r'<label for="typed-\d+">([^<]*)</label>\s*<textarea[^>]*>\n([^<]*)</textarea>', answer.text
            )
            assert [tuple(map(unescape, each)) for each in found] == shown, address
