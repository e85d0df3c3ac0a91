"""Kinds of field: what they take, how they are shown, sorted and compared, and that nothing of a value is lost."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import datetime
from decimal import Decimal

import pytest
from babel import Locale
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markupsafe import Markup, escape

from app.accounts.time_zones import write_in_zone
from app.folding import fold, fold_searched, without_strokes
from app.records.fields import Field
from app.records.kinds import FIELD_KINDS
from app.records.kinds.collation import LAST, SORT_KEY_LIMIT, USUAL, collate, load_collator
from app.records.kinds.dates import read_date, write_date
from app.records.kinds.numbers import number_key
from app.records.lists import View
from app.records.records import search_text
from app.tenants.locales import LOCALES as LOCALES_OF_WORKSPACES
from tests.fields import make_field

CHOICES = ("On the shelf", "Lent", "São Paulo; Łódź", "<b>#1</b>")
OPTIONS = {"money": {"currency": "BRL"}, "rating": {"most": 5}}
LOCALES = ("en", "pt_BR", "de", "pl", "fr", "de_CH", "en_IN")
GOOD = [
    ("text", "en", "  two   words ", "two words"),
    ("text", "en", "e\u0301", "é"),
    ("text", "en", "\u200b\u3164", ""),
    ("text", "en", "a\ufdd01\ufdd1b", "a1b"),
    ("link", "en", "https://example.org/\ufdd01\ufdd1", "https://example.org/1"),
    ("long_text", "en", "a\r\nb\n", "a\nb"),
    ("whole_number", "en", "007", "7"),
    ("whole_number", "en", "\N{MINUS SIGN}5", "-5"),
    ("whole_number", "en", "1,234", "1234"),
    ("whole_number", "pt_BR", "1.234", "1234"),
    ("whole_number", "pt_BR", "1 234 567", "1234567"),
    ("whole_number", "en", "१२", "12"),
    ("decimal", "en", "3.50", "3.5"),
    ("decimal", "pt_BR", "3,50", "3.5"),
    ("decimal", "pt_BR", "1.234,56", "1234.56"),
    ("decimal", "pt_BR", "1234,56", "1234.56"),
    ("decimal", "en", "-0", "0"),
    ("decimal", "en", "0.0000001", "0.0000001"),
    ("decimal", "en", "100", "100"),
    ("money", "pt_BR", "1.234,50", "1234.5"),
    ("date", "en", "2026-02-28", "2026-02-28"),
    ("date", "pt_BR", "28/2/2026", "2026-02-28"),
    ("date", "en", "2/28/2026", "2026-02-28"),
    ("date", "de", "28.02.2026", "2026-02-28"),
    ("moment", "en", "2026-02-28T14:05", "2026-02-28T14:05Z"),
    ("moment", "en", "2026-02-28 14:05 UTC", "2026-02-28T14:05Z"),
    ("moment", "pt_BR", "01/11/2026 10:30", "2026-11-01T10:30Z"),
    ("moment", "pt_BR", "1/11/2026, 9:05 America/Sao_Paulo", "2026-11-01T12:05Z"),
    ("moment", "de", "1.11.2026 10:30", "2026-11-01T10:30Z"),
    ("moment", "en", "2026-02-28T14:05-03:00", "2026-02-28T17:05Z"),
    ("moment", "en", "2026-02-28 14:05 America/Sao_Paulo", "2026-02-28T17:05Z"),
    ("moment", "pt_BR", "02/03/2024 10:00:00", "2024-03-02T10:00Z"),
    ("moment", "pt_BR", "2 de mar. de 2024, 10:00", "2024-03-02T10:00Z"),
    ("moment", "pt_BR", "2 de março de 2024 10:00 America/Sao_Paulo", "2024-03-02T13:00Z"),
    ("moment", "en", "Mar 2, 2024, 12:05\u202fAM", "2024-03-02T00:05Z"),
    ("date", "pt_BR", "3 de mar. de 2024", "2024-03-03"),
    ("date", "pt_BR", "3 DE MARÇO DE 2024", "2024-03-03"),
    ("date", "en", "mar 3 2024", "2024-03-03"),
    ("duration", "en", "1:30", "90"),
    ("duration", "en", "-0:05", "-5"),
    ("yes_no", "en", "on", "yes"),
    ("yes_no", "en", "", ""),
    ("yes_no", "pt_BR", "sim", "yes"),
    ("yes_no", "pt_BR", "Não", ""),
    ("choice", "en", "#2", "2"),
    ("choice", "en", "lent", "2"),
    ("choice", "en", "LE\u00adNT\u200b", "2"),
    ("choices", "en", "\ufeffLent; on\u2060 the shelf", "1 2"),
    ("choice", "en", "\uff2c\uff25\uff2e\uff34", "2"),
    ("choices", "en", "#2\n#1", "1 2"),
    ("choices", "en", "Lent; on the shelf", "1 2"),
    ("choices", "en", "lent, On the shelf", "1 2"),
    ("choices", "en", "São Paulo; Łódź", "3"),
    ("email", "en", "ana@acme.test", "ana@acme.test"),
    ("email", "en", "O'Brien@Example.org", "O'Brien@example.org"),
    ("phone", "en", "+55 (11) 98765-4321", "+55 (11) 98765-4321"),
    ("link", "en", "https://example.org/a?b", "https://example.org/a?b"),
    ("link", "en", "https://example.org/" + "a" * 1900, "https://example.org/" + "a" * 1900),
    ("person", "en", "#2", "2"),
    ("person", "en", "ana lima", "1"),
    ("person", "en", "\u200bAna Lima\u200e", "1"),
    ("person", "en", "b@acme.test\u200b", "3"),
    ("person", "en", "B@acme.test", "3"),
    ("person", "en", "Silva, Ana", "5"),
    ("files", "en", "12 p a  b.jpg\r\n3 f c.txt", "12 p a b.jpg\n3 f c.txt"),
    ("rating", "en", "3", "3"),
    ("rating", "en", "★★★☆☆", "3"),
    ("rating", "en", "3 / 5", "3"),
    ("rating", "en", "0", ""),
]
BAD = [
    ("text", "x" * 501),
    ("long_text", "x" * 20_001),
    ("whole_number", "1.5"),
    ("whole_number", "9" * 16),
    ("whole_number", "twelve"),
    ("decimal", "1e5"),
    ("decimal", "NaN"),
    ("decimal", "Infinity"),
    ("decimal", "0.00000000001"),
    ("money", "1.005"),
    ("date", "2026-02-30"),
    ("date", "20260228"),
    ("date", "2/3/26"),
    ("date", "31/12/2026"),
    ("moment", "2026-02-30T10:00"),
    ("moment", "2026-02-28T10:00 Nowhere/At_all"),
    ("moment", "31/02/2026 10:30"),
    ("moment", "01/11/2026 25:00"),
    ("moment", "01/11/2026 10:30 Nowhere"),
    ("moment", "2026-03-29 02:30 Europe/Berlin"),
    ("moment", "0001-01-01T00:00+03:00"),
    ("duration", "1:75"),
    ("yes_no", "sim"),
    ("yes_no", "maybe"),
    ("yes_no", "#no"),
    ("choice", "Burnt"),
    ("choice", "#9"),
    ("email", "ana"),
    ("phone", "call me"),
    ("link", "javascript:alert(1)"),
    ("link", "http://["),
    ("link", "https:// x"),
    ("person", "Bruno"),
    ("person", "Nobody"),
    ("person", "Zé <b>"),
    ("person", "#9"),
    ("person", "1"),
    ("person", "#4"),
    ("person", "Zé <b> (#4)"),
    ("person", ";".join(f"Nobody {number}" for number in range(100))),
    ("whole_number", "1" * 30_000 + "x"),
    ("whole_number", "1," + "0" * 60),
    ("decimal", "1," * 300 + "1"),
    ("choices", "z;" * 60_000),
    ("person", "#1\n#2"),
    ("files", "photo.jpg"),
    ("files", "\n".join(f"{number} f a.txt" for number in range(1, 12))),
    ("record_number", "7"),
    ("changed_at", "2026-02-28T14:05Z"),
    ("created_by", "#1"),
    ("rating", "6"),
]
AMBIGUOUS = [
    ("decimal", "en", "1,5", ("15", "1.5")),
    ("decimal", "pt_BR", "1.5", ("15", "1,5")),
    ("decimal", "en", "1.234,56", ("1.23456", "1,234.56")),
    ("whole_number", "en", "1.234", ("1,234",)),
    ("date", "pt_BR", "12/31/2026", ("31/12/2026",)),
    ("date", "pt_BR", "3 de mar. de 24", ("03/03/2024", "03/03/0024")),
    ("date", "en", "2/3/26", ("2/3/2026", "3/2/2026")),
    ("date", "sv", "1/2/2026", ("2026-02-01", "2026-01-02")),
]


@pytest.mark.parametrize(("kind", "locale", "typed", "stored"), GOOD)
def test_what_is_typed_is_stored_in_one_form(kind: str, locale: str, typed: str, stored: str) -> None:
    field = make_field(kind, locale=locale, choices=CHOICES, **OPTIONS.get(kind, {}))
    assert field.read(typed) == stored
    assert field.read(field.write(stored)) == stored


@pytest.mark.parametrize(("kind", "typed"), BAD)
def test_what_makes_no_sense_is_refused_with_a_reason(kind: str, typed: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        make_field(kind, choices=CHOICES, **OPTIONS.get(kind, {})).read(typed)
    assert caught.value.args[0].translate("en")


@pytest.mark.parametrize(("kind", "locale", "typed", "readings"), AMBIGUOUS)
def test_what_is_ambiguous_is_refused_with_what_it_may_mean(
    kind: str, locale: str, typed: str, readings: tuple[str, ...]
) -> None:
    field = make_field(kind, locale=locale)
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        field.read(typed)
    said = caught.value.args[0].translate("en")
    for reading in readings:
        assert reading in said
        assert field.read(reading)


@pytest.mark.parametrize(
    ("kind", "locale", "typed", "said"),
    [
        ("money", "pt_BR", "146,984.89", "Did you mean 146.984,89? Enter it that way."),
        ("money", "pt_BR", "R$ 146,984.89", "Did you mean 146.984,89? Enter it that way."),
        ("money", "en", "146.984,89", "Did you mean 146,984.89? Enter it that way."),
        ("money", "pt_BR", "0.05", "Did you mean 0,05? Enter it that way."),
        ("money", "pt_BR", "-0.05", "Did you mean -0,05? Enter it that way."),
        ("money", "pt_BR", "0.005", "At most 2 decimals."),
        ("whole_number", "pt_BR", "1.23", "Enter a whole number, without decimals."),
        ("whole_number", "pt_BR", "1.5", "Enter a whole number, without decimals."),
        ("whole_number", "en", "1,23", "Enter a whole number, without decimals."),
        ("rating", "pt_BR", "1.5", "Enter a whole number, without decimals."),
        ("whole_number", "pt_BR", "1.234.5", "Did you mean 12.345? Enter it that way."),
        ("whole_number", "pt_BR", "many", "Enter a number, such as 1.234."),
        ("decimal", "pt_BR", "many", "Enter a number, such as 1.234,5."),
        ("rating", "en", "many", "Enter a number, such as 5."),
        ("money", "en", "1,2345", "At most 2 decimals."),
        ("decimal", "pt_BR", "0." + "1" * 40, "At most 15 digits."),
        ("decimal", "pt_BR", "0," + "1" * 40, "At most 10 decimals."),
        ("decimal", "en", "1." + "0" * 30 + "1", "At most 10 decimals."),
        ("decimal", "en", "1" * 40, "At most 15 digits."),
    ],
)
def test_of_a_number_only_what_the_field_could_take_is_offered(kind: str, locale: str, typed: str, said: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        make_field(kind, locale=locale, **OPTIONS.get(kind, {})).read(typed)
    assert caught.value.args[0].translate("en") == said


@pytest.mark.parametrize(
    ("kind", "given", "said"),
    [
        ("whole_number", "1.234", "Enter a whole number, without decimals."),
        ("whole_number", "1,234", "Enter a plain number, such as 1234."),
        ("rating", "1.5", "Enter a whole number, without decimals."),
        ("money", "0.005", "At most 2 decimals."),
        ("money", "12.345", "At most 2 decimals."),
        ("money", "12,5", "Enter a plain number, such as 1234.5."),
        ("money", "R$ 12.50", "Enter a plain number, such as 1234.5."),
        ("decimal", "0." + "1" * 40, "At most 10 decimals."),
        ("decimal", "9" * 30, "At most 15 digits."),
        ("decimal", 10**15, "At most 15 digits."),
        ("date", "31/01/2026", "Enter a date in ISO format, such as 2026-01-31."),
        ("moment", "31/01/2026 14:05", "Enter a date and time in ISO format, such as 2026-01-31T14:05Z."),
        *(
            ("moment", out_of_range, "Enter a date and time in ISO format, such as 2026-01-31T14:05Z.")
            for out_of_range in (
                *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:00-14:00", "2026-01-31T10:00+99:99"),
                *("2026-01-31T24:60Z", "2026-01-31T10:00 Nowhere/There"),
            )
        ),
        ("moment", "2026-02-30T10:00Z", "There is no such date."),
        ("moment", "2026-01-31T10:00:30Z", "Times are stored to the minute. Leave out the seconds."),
    ],
)
@pytest.mark.parametrize("locale", ["en", "pt_BR"])
def test_a_text_that_programs_would_not_write_is_refused_whatever_the_locale(
    kind: str, given: str, said: str, locale: str
) -> None:
    field = make_field(kind, locale=locale, **OPTIONS.get(kind, {}))
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        field.read(field.kind.from_json(given, field))
    assert caught.value.args[0].translate("en") == said


@pytest.mark.parametrize(
    ("kind", "locale", "typed", "said"),
    [
        ("date", "pt_BR", "31/02/2024", "There is no such date."),
        ("date", "pt_BR", "2024-02-30", "There is no such date."),
        ("date", "en", "2/30/2024", "There is no such date."),
        ("date", "pt_BR", "amanhã", "Enter a date, such as 31/01/2026."),
        ("date", "de", "1/2", "Enter a date, such as 31.01.2026."),
        ("moment", "pt_BR", "31/02/2024 10:00", "There is no such date."),
        ("moment", "pt_BR", "2024-02-30T10:00", "There is no such date."),
        ("moment", "pt_BR", "31/01/2024", "Enter a date and time, such as 31/01/2026 14:05."),
        ("date", "pt_BR", "31 de fev. de 2024", "Enter a date, such as 31/01/2026."),
        ("moment", "pt_BR", "02/03/2024 10:00:30", "Times are stored to the minute. Leave out the seconds."),
        ("moment", "pt_BR", "2024-03-02T10:00:00.5Z", "Times are stored to the minute. Leave out the seconds."),
        ("moment", "en", "1/31/2024 25:00", "Enter a date and time, such as 1/31/2026 14:05."),
    ],
)
def test_what_is_no_date_is_refused_in_the_form_of_the_workspace(kind: str, locale: str, typed: str, said: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        make_field(kind, locale=locale).read(typed)
    assert caught.value.args[0].translate("en") == said


@given(st.sampled_from(sorted(FIELD_KINDS)), st.sampled_from(LOCALES), st.text(max_size=60))
def test_reading_is_stable_and_never_fails_otherwise(kind: str, locale: str, typed: str) -> None:
    field = make_field(kind, locale=locale, choices=CHOICES, **OPTIONS.get(kind, {}))
    try:
        stored = field.read(typed)
    except ValueError as error:
        assert error.args[0].translate("en")  # noqa: PT017
        return
    assert field.read(field.write(stored)) == stored


NUMBERS = st.decimals(-(10**14), 10**14, allow_nan=False, allow_infinity=False, places=10).map(str)
VALUES = {
    "text": st.text(max_size=300),
    "long_text": st.text(max_size=300),
    "whole_number": st.integers(1 - 10**15, 10**15 - 1).map(str),
    "decimal": NUMBERS,
    "money": st.decimals(-(10**10), 10**10, allow_nan=False, allow_infinity=False, places=2).map(str),
    "yes_no": st.sampled_from(["yes", ""]),
    "choice": st.sampled_from([f"#{number}" for number in range(1, 5)]),
    "choices": st.sets(st.integers(1, 4)).map(lambda ids: "\n".join(f"#{each}" for each in ids)),
    "date": st.dates().map(str),
    "moment": st.datetimes().map(lambda each: f"{each:%Y-%m-%d %H:%M}".rjust(16, "0")),
    "duration": st.integers(-9999, 9999).map(lambda each: f"{'-' if each < 0 else ''}{abs(each)}:07"),
    "email": st.emails().filter(lambda each: each.isascii() and len(each) < 60),
    "phone": st.integers(100, 10**12).map(lambda each: f"+{each}"),
    "link": st.text("abc/?&'<>\"", max_size=30).map(lambda each: f"https://example.org/{each}"),
    "person": st.sampled_from([f"#{number}" for number in range(1, 6)]),
    "files": st.lists(
        st.tuples(st.integers(1, 10**9), st.sampled_from("pf"), st.text("a<é '\".", min_size=1, max_size=40)),
        max_size=5,
    ).map(lambda files: "\n".join(f"{number} {flag} x{name}" for number, flag, name in files)),
    "rating": st.integers(0, 5).map(str),
    **dict.fromkeys(["record_number", "created_at", "created_by", "changed_at", "changed_by"], st.text(max_size=9)),
}


def test_a_long_text_keeps_what_ends_a_line_elsewhere() -> None:
    assert (
        make_field("long_text").read("one\u2028two\u2029three\r\nfour\x85five")
        == "one\u2028two\u2029three\nfour\x85five"
    )


def test_every_kind_is_among_those_whose_values_are_drawn() -> None:
    assert VALUES.keys() == FIELD_KINDS.keys()


@pytest.mark.parametrize("kind", sorted(FIELD_KINDS))
@pytest.mark.parametrize("locale", ["en", "pt_BR", "de_CH"])
def test_a_value_of_any_kind_survives_a_form_a_program_and_being_shown(kind: str, locale: str) -> None:
    @given(VALUES[kind])
    def draw(typed: str) -> None:
        plain = make_field(kind, locale="en", choices=CHOICES, **OPTIONS.get(kind, {}))
        try:
            value = plain.read(typed)
        except ValueError:
            return  # a link with quotes, or a mail address that no server takes
        field = make_field(kind, locale=locale, choices=CHOICES, **OPTIONS.get(kind, {}))
        assert field.read(field.write(value)) == value
        given = json.loads(json.dumps(field.kind.to_json(value, field)))
        assert field.read(field.kind.from_json(given, field)) == value
        assert len(field.sort_key(value)) <= SORT_KEY_LIMIT
        assert field.sort_key(value) <= LAST
        assert "<script" not in field.show(value)
        assert escape("<b>") in field.show(value) or "<b>" not in field.show(value)
        assert isinstance(field.describe(value), str)

    draw()


@pytest.mark.parametrize("kind", sorted(name for name, kind in FIELD_KINDS.items() if kind.is_typed))
def test_what_a_program_gives_is_the_same_value_in_every_locale(kind: str) -> None:
    fields = [
        make_field(kind, locale=locale, choices=CHOICES, **OPTIONS.get(kind, {}))
        for locale in ("en", "pt_BR", "de_CH", "en_IN", "sv")
    ]

    def take(field: Field, given: object) -> str:
        try:
            return field.read(field.kind.from_json(given, field))  # type: ignore[arg-type]
        except ValueError as error:
            return error.args[0].translate("en")  # type: ignore[no-any-return]

    written = st.from_regex(r"[-0-9.,/: '+TZ]{0,20}", fullmatch=True)
    numbers = st.from_regex(r"-?[0-9]{1,4}([.,][0-9]{1,4}){0,2}", fullmatch=True)
    dates = st.from_regex(r"[0-3]?[0-9][/.-][01]?[0-9][/.-](20)?[0-9]{2}( 1[0-9]:[0-5][0-9])?", fullmatch=True)

    @settings(max_examples=60)
    @given(st.one_of(numbers, dates, written, *VALUES.values()))
    def draw(given: str) -> None:
        taken = {take(field, given) for field in fields}
        if kind == "yes_no":  # a word that a workspace of another language does not know
            taken.discard("Enter yes or no.")
        assert len(taken) <= 1

    @settings(max_examples=40)
    @given(NUMBERS)
    def draw_number(given: str) -> None:
        taken = take(fields[0], given)
        if FIELD_KINDS[kind].is_numeric and kind != "duration" and not taken.startswith(("Enter", "At most", "Choose")):
            assert Decimal(taken or "0") == Decimal(given)

    draw()
    draw_number()


# As a page shows them, several of these are one text: people of one name, and a text that Markdown is made of.
SHOWN_ALIKE = {"person", "long_text"}


@pytest.mark.parametrize("kind", sorted(name for name, kind in FIELD_KINDS.items() if kind.is_typed))
@pytest.mark.parametrize("locale", ["en", "pt_BR", "de_CH", "fr_CA", "hu_HU", "ko_KR", "es_CO", "uk_UA"])
def test_what_a_page_shows_of_a_value_can_be_typed(kind: str, locale: str) -> None:
    @settings(max_examples=40)
    @given(VALUES[kind])
    def draw(typed: str) -> None:
        options = OPTIONS.get(kind, {})
        plain, field = (make_field(kind, locale=each, choices=CHOICES, **options) for each in ("en", locale))
        try:
            value = plain.read(typed)
        except ValueError:
            return
        if kind in ("date", "moment") and value < "0100-01-03":
            return  # two digits of a year might be of this century
        if kind in SHOWN_ALIKE:
            texts = {field.spell(value)}
        else:
            texts = {field.describe(value), field.describe_here(value), field.spell(value)}
        if kind == "moment":
            _, day, time = write_in_zone(value.removesuffix("Z"), "UTC", field.locale)
            texts |= {f"{day}, {time}", f"{day}, {time} UTC"}
        if kind == "rating":
            texts |= {Markup(field.show(value)).striptags()}
        assert {text: field.read(text) for text in texts} == dict.fromkeys(texts, value)

    draw()


@pytest.mark.parametrize("tag", LOCALES_OF_WORKSPACES)
def test_a_date_is_read_as_any_locale_shows_it(tag: str) -> None:
    locale = Locale.parse(tag)
    for month in range(1, 13):
        for day in (1, 5, 12, 28):
            value = f"2024-{month:02}-{day:02}"
            assert read_date(write_date(value, locale), locale).isoformat() == value


def test_several_people_are_one_value_however_they_are_written_and_shown_by_their_names() -> None:
    field = make_field("person", several=True)
    assert {field.read(text) for text in ("#5\n#1", "Silva, Ana; ana lima", "silva@acme.test\r\nana@acme.test")} == {
        "1 5"
    }
    assert field.describe("1 5 4") == "Ana Lima; Silva, Ana; Zé <b>"
    assert field.read(field.describe("1 5")) == "1 5"
    assert field.kind.to_json("1 5", field) == [1, 5]
    assert field.kind.to_json("5", make_field("person")) == 5
    with pytest.raises(ValueError):  # noqa: PT011
        field.read("Ana Lima; Bruno")


def test_what_a_value_has_may_stay_beside_what_is_added_though_nobody_could_choose_it_now() -> None:
    people = make_field("person", several=True)
    assert people.read("#4\n#1", "4") == "1 4"
    choices = make_field("choices", choices=["Lent", "Lost", "Sold"])
    choices.choices[1]["archived"] = True
    assert choices.read("#2\n#3", "2") == "2 3"
    for field, text in ((people, "#4\n#1"), (choices, "#2\n#3")):
        with pytest.raises(ValueError):  # noqa: PT011
            field.read(text)


@pytest.mark.parametrize(
    ("choices", "typed", "said"),
    [
        (
            ["UTI", "Lab"],
            "UTI, Pediatria",
            "There is no choice “Pediatria” here. Separate several with semicolons.",
        ),
        (["UTI", "Lab, 1"], "UTI, X", "There is no choice “UTI, X” here. Separate several with semicolons."),
        (["UTI", "Lab"], "x" * 100, f"There is no choice “{'x' * 60}” here. Separate several with semicolons."),
    ],
)
def test_a_choice_that_there_is_none_of_is_named(choices: list[str], typed: str, said: str) -> None:
    for kind, wanted in (("choices", said), ("choice", f"There is no choice “{typed[:60]}” here.")):
        with pytest.raises(ValueError) as caught:  # noqa: PT011
            make_field(kind, choices=choices).read(typed)
        assert caught.value.args[0].translate("en") == wanted
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        make_field("person").read("#1\n#2")
    assert caught.value.args[0].translate("en") == "Only one person can be chosen here; this has 2."


def test_commas_are_between_choices_unless_a_name_has_one() -> None:
    assert make_field("choices", choices=["UTI", "Lab", "Sala 2"]).read("uti, lab; Sala 2") == "1 2 3"
    with_comma = make_field("choices", choices=["UTI", "Lab, 1", "Lab"])
    assert with_comma.read("UTI; Lab, 1") == "1 2"


def test_a_form_has_people_as_one_text_however_they_were_chosen() -> None:
    field = make_field("person", several=True)
    assert field.kind.join(["#1,Bruno"], field) == "#1\nBruno"
    assert field.kind.join(["1,Bruno"], field) == "1\nBruno", "what is typed is a name"
    assert field.kind.join(["ana@acme.test, Bruno", "#3"], field) == "#1\n#3"
    assert field.kind.join(["Zé <b> (#4)"], field) == field.write("4")
    chosen = field.kind.find_chosen("#1\nBruno\nNobody", field)
    assert (chosen.ids, chosen.typed, [each.id for each in chosen.offered]) == ([1], ["Bruno", "Nobody"], [2, 3])


def test_a_moment_is_typed_in_the_zone_that_the_form_says_and_is_one_text_in_all_zones() -> None:
    field = make_field("moment")
    assert field.kind.join(["2026-02-28T14:05", "@America/Sao_Paulo"], field) == "2026-02-28T17:05Z"
    assert field.kind.join(["2026-02-28T14:05", "@UTC"], field) == "2026-02-28T14:05Z"
    assert field.kind.join(["", "@Europe/Berlin 2026-02-28T17:05Z"], field) == ""
    assert field.kind.join(["soon", "@Europe/Berlin"], field) == "soon"
    with pytest.raises(ValueError):  # noqa: PT011
        field.read(field.kind.join(["2026-03-29T02:30", "@Europe/Berlin"], field))


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("zone", ["America/Sao_Paulo", "Asia/Kathmandu"])
def test_a_text_that_says_no_zone_is_of_the_zone_of_who_asks_and_what_they_are_told_says_it(
    locale: str, zone: str
) -> None:
    field, elsewhere = make_field("moment", locale=locale), make_field("moment", locale=locale)
    field.zone = zone
    assert (
        field.read("2026-02-28 14:05") == field.read(f"2026-02-28 14:05 {zone}") != elsewhere.read("2026-02-28 14:05")
    )
    assert field.read("2026-02-28 14:05 UTC") == field.read("2026-02-28T14:05Z") == "2026-02-28T14:05Z"

    @given(VALUES["moment"])
    @example("2026-10-25 01:30")
    def draw(typed: str) -> None:
        value = elsewhere.read(typed)
        assert elsewhere.read(field.describe_here(value)) == value

    draw()


def test_a_moment_is_told_as_the_workspace_writes_dates() -> None:
    field = make_field("moment", locale="pt_BR")
    field.zone = "America/Sao_Paulo"
    assert field.describe_here("2021-12-26T03:30Z") == "26/12/2021 00:30 America/Sao_Paulo"


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/Sao_Paulo", "Asia/Kathmandu"])
def test_a_moment_that_nobody_touched_is_the_same_whatever_the_clocks_do(zone: str) -> None:
    @given(st.datetimes(datetime(1000, 1, 1), datetime(2100, 1, 1)).map(lambda each: f"{each:%Y-%m-%dT%H:%M}Z"))
    @example("2026-10-25T01:30Z")
    def draw(value: str) -> None:
        field = make_field("moment")
        local = field.kind.local(value, zone)
        assert field.kind.join([local, f"@{zone} {value}"], field) == value

    draw()


def test_numbers_are_shown_as_the_workspace_writes_them() -> None:
    assert (
        make_field("decimal", locale="pt_BR", digits=2, grouping=True, unit="kg").describe("1234.5") == "1.234,50\xa0kg"
    )
    assert make_field("whole_number", locale="pt_BR").describe("1899") == "1899"
    assert make_field("whole_number", locale="en", grouping=True).describe("1899") == "1,899"
    assert make_field("money", locale="pt_BR", currency="BRL").describe("1234.5") == "R$\xa01.234,50"
    assert make_field("money", locale="en", currency="JPY").describe("1234") == "¥1,234"
    assert make_field("date", locale="pt_BR").describe("2026-01-31") == "31 de jan. de 2026"


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("currency", ["BRL", "EUR", "USD", "JPY", "CHF", "PLN"])
def test_an_amount_is_read_as_it_is_shown(locale: str, currency: str) -> None:
    field = make_field("money", locale=locale, currency=currency)

    @given(VALUES["money"])
    @example("-1234567.89")
    def draw(value: str) -> None:
        value = value.partition(".")[0] if currency == "JPY" else value
        assert field.read(field.describe(value)) == make_field("decimal").read(value)

    draw()


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("unit", ["kg", "m²", "l/100 km", "%", "°C", "k", "-", "São", "1/s"])
def test_a_number_is_read_with_the_unit_that_it_is_shown_with(locale: str, unit: str) -> None:
    field = make_field("decimal", locale=locale, unit=unit, grouping=True)

    @given(NUMBERS)
    def draw(typed: str) -> None:
        value = make_field("decimal").read(format(Decimal(typed), "f"))
        assert field.read(field.describe(value)) == value
        assert field.read(field.write(value)) == value

    draw()


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("R$ 10,00", "10"),
        ("R$10,00", "10"),
        ("r$ 334.272,82", "334272.82"),
        ("-R$ 1,50", "-1.5"),
        ("R$ \N{MINUS SIGN}1,50", "-1.5"),
        ("BRL 10", "10"),
        ("10,5 brl", "10.5"),
        ("R$ 10 BRL", "10"),
        ("\uff32\uff04 10", "10"),
    ],
)
def test_money_is_taken_as_brazilians_write_it(typed: str, stored: str) -> None:
    assert make_field("money", locale="pt_BR", currency="BRL").read(typed) == stored


@pytest.mark.parametrize(
    ("options", "typed", "said"),
    [
        ({"currency": "BRL"}, "US$ 10", "This is in R$, not in US$."),
        ({"currency": "BRL"}, "10 €", "This is in R$, not in €."),
        ({"currency": "BRL"}, "usd 10", "This is in R$, not in USD."),
        ({"currency": "BRL"}, "$ 10", "This is in R$, not in $."),
        ({"currency": "BRL"}, "about 10", "Enter a number, such as 1.234,5."),
        ({"currency": "BRL"}, "R$", "Enter a number, such as 1.234,5."),
        ({"unit": "kg"}, "5 g", "This is in kg, not in g."),
        ({}, "R$ 5", "Enter a number, such as 1.234,5."),
    ],
)
def test_another_currency_or_unit_is_refused_by_its_name(options: dict[str, str], typed: str, said: str) -> None:
    kind = "money" if "currency" in options else "decimal"
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        make_field(kind, locale="pt_BR", **options).read(typed)
    assert caught.value.args[0].translate("en") == said


@pytest.mark.parametrize(
    ("kind", "value", "typed"),
    [
        ("money", "735969.95", ["735969,95", "735.969,95", "R$ 735.969,95", "735969.95"]),
        ("decimal", "1.5", ["1,5", "1,50", "1.5"]),
        ("whole_number", "10499", ["10.499", "10499"]),
        ("date", "2021-03-08", ["08/03/2021", "8/3/2021", "2021-03-08", "8 de mar. de 2021", "mar"]),
        ("duration", "2959", ["49:19"]),
        ("moment", "2021-03-08T01:30Z", ["08/03/2021 01:30 UTC", "07/03/2021 22:30", "7 de mar. de 2021, 22:30"]),
    ],
)
def test_what_people_see_or_type_is_found(kind: str, value: str, typed: list[str]) -> None:
    options = {"money": {"currency": "BRL"}, "decimal": {"digits": 2}}
    field = make_field(kind, locale="pt_BR", **options.get(kind, {}))
    field.zones = ("America/Sao_Paulo",)
    searched = search_text([field], {field.ref: value})
    for text in [*typed, field.describe(value), field.write(value), field.spell(value)]:
        assert all(word in searched for word in View(text).words), f"{text!r} in {searched!r}"


@pytest.mark.parametrize("kind", sorted(name for name, kind in FIELD_KINDS.items() if kind.is_searched))
@pytest.mark.parametrize("locale", ["en", "pt_BR", "fr", "en_IN"])
def test_a_value_is_found_as_it_is_shown_and_typed(kind: str, locale: str) -> None:
    @given(VALUES[kind])
    def draw(typed: str) -> None:
        options = OPTIONS.get(kind, {})
        plain, field = (make_field(kind, locale=each, choices=CHOICES, **options) for each in ("en", locale))
        try:
            value = plain.read(typed)
        except ValueError:
            return
        searched = search_text([field], {field.ref: value})
        shown = [field.describe(value), *([field.write(value)] if field.kind.is_numeric or kind == "date" else [])]
        for text in shown:
            assert all(word in searched for word in View(text[:200]).words)

    draw()


def test_three_ways_to_write_a_number_are_one_value() -> None:
    english, portuguese = make_field("decimal", locale="en"), make_field("decimal", locale="pt_BR")
    values = {english.read("1.5"), english.read("1.50"), portuguese.read("1,5")}
    assert values == {"1.5"}
    assert {english.kind.unique_key(value, english) for value in values} == {"1.5"}


def test_a_renamed_choice_is_the_same_value_and_an_archived_one_is_kept() -> None:
    field = make_field("choice", choices=["Lent", "Lost"])
    field.choices[0]["name"] = "On loan"
    assert field.describe("1") == "On loan"
    field.choices[1]["archived"] = True
    assert field.describe("2") == "Lost"
    with pytest.raises(ValueError):  # noqa: PT011
        field.read("Lost")


@given(st.integers(-(10**15), 10**15), st.integers(-(10**15), 10**15))
def test_number_keys_sort_as_numbers_do(one: int, other: int) -> None:
    assert (number_key(str(one)) < number_key(str(other))) == (one < other)
    assert Decimal(one) == one


def test_texts_are_sorted_as_people_do() -> None:
    wanted = [
        *("10 %", "Ärzte", "Aß", "co-op", "coop", "Item 2", "Item 10", "Item 10a", "la", "Lodz", "Łódź", "lz", "m"),
        *("Ω", "Я", "日本", "語"),
    ]
    assert sorted(dict.fromkeys(wanted[::-1]), key=collate) == wanted
    assert collate("resume") < collate("Resume") < collate("résumé")
    assert collate("007") == collate("7")


SORTED_TEXTS = st.text(
    st.one_of(st.sampled_from("aàÀAbzZ _đß.βж語"), st.characters(exclude_categories=["Nd"])), max_size=6
)


@given(SORTED_TEXTS, SORTED_TEXTS)
def test_sort_keys_are_in_the_order_of_letters_then_accents_then_case(one: str, other: str) -> None:
    order = [weigh(one), weigh(other)]
    assert (collate(one) < collate(other)) == (order[0] < order[1])
    assert (collate(one) == collate(other)) == (order[0] == order[1])


def weigh(text: str) -> list[list[int]]:
    """The weights of a text, level by level, without those at the end that most letters have."""
    levels: list[list[int]] = [[]]
    for weight in load_collator().sort_key(text):
        if weight:
            levels[-1].append(weight)
        else:
            levels.append([])
    for level, usual in zip(levels[1:3], USUAL, strict=True):
        while level and level[-1] == usual:
            level.pop()
    return levels[:3]


@pytest.mark.parametrize("text", ["Memórias póstumas", "Dom Casmurro, 2nd edition", "a" * 80])
def test_sort_keys_of_what_is_mostly_written_have_few_bytes(text: str) -> None:
    assert len(collate(text).encode()) < 1.5 * len(text)


@given(st.text(max_size=40), st.text(max_size=40))
def test_sort_keys_fit_their_column_and_are_before_what_is_empty(one: str, other: str) -> None:
    keys = [collate(one), collate(other)]
    assert all(len(key) <= SORT_KEY_LIMIT and key < LAST for key in keys)
    assert all(key.isprintable() or key for key in keys) or not all(keys)
    assert not any("\ud800" <= character <= "\udfff" for key in keys for character in key)


@given(st.text(max_size=80))
def test_folding_twice_is_folding_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)


def test_folding_takes_accents_and_case_away() -> None:
    assert fold("  SÃO   João ") == "sao joao"


@pytest.mark.parametrize("typed", ["lodz", "ŁÓDŹ", "Łódź", "Lodz"])
def test_letters_with_strokes_are_searched_as_those_without_and_are_others_where_values_are_unique(typed: str) -> None:
    field = make_field("text")
    assert all(word in search_text([field], {field.ref: "Łódź"}) for word in View(typed).words)
    assert field.kind.unique_key("Łódź", field) != field.kind.unique_key("Lodz", field)


@given(st.text(max_size=80))
def test_searching_sees_no_strokes_whatever_else_it_sees(text: str) -> None:
    assert fold_searched(fold_searched(text)) == fold_searched(text) == without_strokes(fold(text))


def test_strokes_are_those_of_all_latin_letters() -> None:
    assert fold_searched("Łódź Đorđe Ħal Ŧ Kız Ǿst ƀ ɨ") == "lodz dorde hal t kiz ost b i"


@pytest.mark.parametrize("kind", FIELD_KINDS)
def test_no_key_is_longer_than_the_table_takes(kind: str) -> None:
    field = make_field(kind, choices=[f"Choice {number}" for number in range(100)], several=True)
    for value in (" ".join(map(str, range(1, 101))), "x" * 5_000, "9" * 30):
        with suppress(ValueError, ArithmeticError):
            assert len(field.sort_key(value)) <= SORT_KEY_LIMIT


@pytest.mark.parametrize(
    ("kind", "locale", "value", "typed"),
    [
        ("money", "pt_BR", "735969.95", ["735969,95", "735.969,95", "R$ 735.969,95", "735969.95"]),
        ("whole_number", "pt_BR", "10499", ["10499", "10.499"]),
        ("decimal", "de", "1234.5", ["1234,5", "1.234,5"]),
        ("date", "pt_BR", "2021-03-08", ["08/03/2021", "2021-03-08", "8 de mar. de 2021"]),
        ("date", "de", "2021-03-08", ["08.03.2021"]),
        ("date", "en", "2021-03-08", ["03/08/2021"]),
        ("duration", "en", "2959", ["49:19"]),
    ],
)
def test_a_value_is_found_as_it_is_shown_typed_and_exported(
    kind: str, locale: str, value: str, typed: list[str]
) -> None:
    field = make_field(kind, locale=locale, **OPTIONS.get(kind, {}))
    found = search_text([field], {field.ref: value})
    assert [text for text in typed if not all(word in found for word in fold(text).split())] == []
