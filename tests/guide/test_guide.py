"""The guide is true: its pages are the same in both languages, lead somewhere, and name what is on the screen."""

from __future__ import annotations

import re
from collections import Counter
from contextlib import aclosing
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from app.guide.guide import GUIDE, GUIDE_PAGES, find_help, picture_names, read_guide
from app.web.texts import LOCALE
from tests.conftest import Server

ENGLISH, PORTUGUESE = GUIDE / "en", GUIDE / "pt-BR"
TARGET = re.compile(r"\]\(([^)\s]+)\)")


def read_translations() -> dict[str, set[str]]:
    """What each text of the program may be in Portuguese; in contexts it may be several."""
    found: dict[str, set[str]] = {}
    with (LOCALE / "pt_BR" / "LC_MESSAGES" / "messages.po").open("rb") as file:
        for message in read_po(file):
            both = (
                [(message.id, message.string)]
                if isinstance(message.id, str)
                else [*zip(message.id, message.string, strict=True)]
            )
            for english, portuguese in both:
                found.setdefault(english, set()).add(portuguese)
    return found


def list_bold(path: Path) -> list[str]:
    """The words of the screen that a page names; what is in code is no word of it."""
    return re.findall(r"\*\*(.+?)\*\*", re.sub(r"`[^`]*`", "", path.read_text()))


def test_the_guide_has_the_same_pages_in_both_languages() -> None:
    for folder in (ENGLISH, PORTUGUESE):
        assert {path.stem for path in folder.glob("*.md")} == set(GUIDE_PAGES)
    for name in GUIDE_PAGES:
        english, portuguese = (read_guide(language)[name] for language in ("en", "pt_BR"))
        assert len(english.headings) == len(portuguese.headings), name
        assert re.findall(r"<(\w+)", english.html) == re.findall(r"<(\w+)", portuguese.html), name


@pytest.mark.parametrize("name", [name for name in GUIDE_PAGES if name != "index"])
def test_what_a_page_names_in_bold_is_on_the_screen_in_its_language(name: str) -> None:
    known = read_translations()
    english, portuguese = list_bold(ENGLISH / f"{name}.md"), list_bold(PORTUGUESE / f"{name}.md")
    unknown = [words for words in english if words not in known]
    assert not unknown, f"no such words in the program: {unknown}"
    left = Counter(portuguese)
    for words in english:
        meant = [each for each in known[words] if left[each] > 0]
        assert meant, f"{words!r} is {known[words]} in the program, and not so in the Portuguese page"
        left[meant[0]] -= 1
    assert not +left, f"only the Portuguese page names {+left}"


@pytest.mark.parametrize("path", sorted(GUIDE.glob("*/*.md")), ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_links_of_the_guide_lead_to_files_and_headings(path: Path) -> None:
    pages = read_guide(path.parent.name.replace("-", "_"))
    for target in TARGET.findall(path.read_text()):
        file, _, anchor = target.partition("#")
        assert (path.parent / file).exists(), target
        if anchor and (path.parent / file).parent.resolve() == path.parent.resolve():
            assert any(each.address.endswith(f"#{anchor}") for each in pages[Path(file).stem].headings), target


def test_each_language_has_pictures_of_its_own() -> None:
    shown = {
        folder.name: set(TARGET.findall("".join(each.read_text() for each in folder.glob("*.md"))))
        for folder in (ENGLISH, PORTUGUESE)
    }
    named = set()
    for language, targets in shown.items():
        pictures = {Path(each).name for each in targets if each.endswith(".webp")}
        assert all(each.endswith(f".{language}.webp") for each in pictures)
        named |= pictures
    assert named == picture_names()


def test_help_is_found_by_words_in_the_readers_language_headings_first() -> None:
    first, *_ = find_help("en", "delete RECORD")
    assert (first.title, first.page) == ("Delete a record, or many", "Records and lists")
    assert first.address == "/help/records#delete-a-record-or-many"
    first, *_ = find_help("pt_BR", "excluir")
    assert first.address == "/help/records#excluir-um-registro-ou-muitos"
    assert find_help("en", "quiet hours")[0].address == "/help/notifications#set-quiet-hours"
    assert find_help("en", "xyzzy") == find_help("en", " ") == []
    assert len(find_help("en", "choose")) == 6


@pytest.mark.sqlite
async def test_the_guide_is_shown_with_pictures_and_found_from_anywhere(shared_server: Server) -> None:
    async with aclosing(await shared_server.sign_in("acme", "davi@acme.test")) as davi:
        for name, page in read_guide("en").items():
            answer = await davi.get(page.address)
            assert answer.status_code == 200
            assert f"<h1>{page.title}</h1>" in answer.text
            assert 'aria-current="page"' in answer.text
            for address in re.findall(r'(?:href|src)="(/help[^"#]*)', answer.text):
                assert (await davi.get(address)).status_code == 200, f"{name} leads to {address}"
        picture = await davi.get("/help/pictures/list.en.webp")
        assert picture.headers["content-type"] == "image/webp"
        assert (await davi.get("/help/nothing")).status_code == 404
        assert (await davi.get("/help/pictures/nothing.webp")).status_code == 404
        found = await davi.get("/quick-switcher", params={"q": "quiet hours"})
        assert '"/help/notifications#set-quiet-hours"' in found.text
        assert '<a href="/help">' in (await davi.get("/keys")).text


@pytest.mark.sqlite
async def test_the_guide_is_for_who_is_signed_in(shared_server: Server) -> None:
    async with shared_server.client("acme") as nobody:
        for address in ("/help", "/help/records", "/help/pictures/list.en.webp"):
            answer = await nobody.get(address)
            assert answer.status_code == 303
            assert "/login" in answer.headers["location"]
