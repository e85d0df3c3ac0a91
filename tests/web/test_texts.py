"""Brazilian Portuguese is complete."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from app.web.templates import environment
from app.web.texts import LOCALE, _l, _ln, translations

APP = Path(__file__).parent.parent.parent / "app"
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "_l": None, "_ln": (1, 2), "fail": None}


def messages() -> list[str | tuple[str, ...]]:
    methods = [("**.py", "python"), ("templates/**", "jinja2")]
    found = extract_from_dir(APP, methods, keywords=KEYWORDS)
    return sorted({message for _, _, message, _, _ in found if message}, key=str)


def test_every_text_has_a_translation_with_the_same_places() -> None:
    with (LOCALE / "pt_BR" / "LC_MESSAGES" / "messages.po").open("rb") as file:
        catalog = read_po(file, locale="pt_BR")
    for message in messages():
        first = message[0] if isinstance(message, tuple) else message
        entry = catalog.get(first)
        assert entry is None or not entry.fuzzy, f"a guess, which is left out when texts are compiled: {first}"
        assert entry is not None, f"not translated: {first}"
        originals = entry.id if isinstance(entry.id, tuple) else (entry.id,)
        forms = entry.string if isinstance(entry.string, tuple) else (entry.string,)
        for form in forms:
            assert form, f"not translated: {first}"
            places = set(re.findall(r"%\((\w+)\)\w", form))
            assert places <= set(re.findall(r"%\((\w+)\)\w", " ".join(originals))), first


@pytest.mark.parametrize(("count", "expected"), [(0, "registros"), (1, "registro"), (2, "registros")])
def test_plurals_follow_the_language(count: int, expected: str) -> None:
    assert translations("pt_BR").ngettext("record", "records", count) == expected


def test_a_singular_says_the_number_where_the_plural_does() -> None:
    """Portuguese has the singular for none too: what says "um registro" would say it of an empty collection."""
    with (LOCALE / "pt_BR" / "LC_MESSAGES" / "messages.po").open("rb") as file:
        catalog = read_po(file, locale="pt_BR")
    plurals = [entry.string for entry in catalog if isinstance(entry.string, tuple)]
    assert plurals
    assert [forms for forms in plurals if "%(count)" in forms[1] and "%(count)" not in forms[0]] == []


def test_an_unknown_language_is_english() -> None:
    assert translations("tlh").gettext("Sign in") == "Sign in"


def test_a_place_of_a_number_is_one_and_nothing_else_that_looks_like_it() -> None:
    text = _l("%(count)d (a)do, 100%%(b)d, %%%(count)d", count=2000)
    assert text.translate("en") == "2,000 (a)do, 100%(b)d, %2,000"


@pytest.mark.parametrize(("language", "expected"), [("en", "2,000"), ("pt_BR", "2.000")])
def test_amounts_are_written_as_the_language_does_and_what_names_something_is_not(language: str, expected: str) -> None:
    assert _l("At most %(limit)d records at a time.", limit=2000).translate(language).count(expected) == 1
    assert expected in _ln("It has %(count)d record.", "It has %(count)d records.", 2000).translate(language)
    assert "2000" in _l("Number %(number)d already has this value.", number=2000).translate(language)
    shown = environment(language).from_string(
        "{% trans count=count %}{{ count }} record{% pluralize %}{{ count }} records{% endtrans %}"
        '|{{ _("Page %(page)s of %(pages)s", page=1, pages=count) }}|{{ count | amount }}|{{ count }}'
    )
    of_many, of_pages, alone, plain = shown.render(count=2000).split("|")
    assert expected in of_many
    assert expected in of_pages
    assert (alone, plain) == (expected, "2000")
