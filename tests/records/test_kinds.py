"""Kinds of field: what they take, how they sort."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.records.kinds import FIELD_KINDS, number_key
from app.web.texts import fold

CHOICES = ("On the shelf", "Lent")
GOOD = [
    ("text", "  two   words ", "two words"),
    ("long_text", "a\r\nb\n", "a\nb"),
    ("whole_number", "007", "7"),
    ("whole_number", "\N{MINUS SIGN}5", "-5"),
    ("decimal", "3,50", "3.50"),
    ("decimal", "-0", "0"),
    ("date", "2026-02-28", "2026-02-28"),
    ("yes_no", "on", "yes"),
    ("yes_no", "", ""),
    ("choice", "Lent", "Lent"),
    ("email", "ana@acme.test", "ana@acme.test"),
    ("email", "O'Brien@Example.org", "O'Brien@example.org"),
    ("link", "https://example.org/a?b", "https://example.org/a?b"),
]
BAD = [
    ("text", "x" * 501),
    ("long_text", "x" * 20_001),
    ("whole_number", "1.5"),
    ("whole_number", "9" * 16),
    ("whole_number", "१२"),
    ("decimal", "1e5"),
    ("decimal", "NaN"),
    ("date", "2026-02-30"),
    ("date", "20260228"),
    ("choice", "Burnt"),
    ("email", "ana"),
    ("link", "javascript:alert(1)"),
    ("link", "http://["),
    ("link", "https:// x"),
]


@pytest.mark.parametrize(("kind", "typed", "stored"), GOOD)
def test_what_is_typed_is_stored_in_one_form(kind: str, typed: str, stored: str) -> None:
    assert FIELD_KINDS[kind].read(typed, CHOICES) == stored
    assert FIELD_KINDS[kind].read(stored, CHOICES) == stored


@pytest.mark.parametrize(("kind", "typed"), BAD)
def test_what_makes_no_sense_is_refused_with_a_reason(kind: str, typed: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        FIELD_KINDS[kind].read(typed, CHOICES)
    assert caught.value.args[0].translate("en")


@given(st.sampled_from(sorted(FIELD_KINDS)), st.text(max_size=60))
def test_reading_is_stable_and_never_fails_otherwise(kind: str, typed: str) -> None:
    try:
        stored = FIELD_KINDS[kind].read(typed, CHOICES)
    except ValueError as error:
        assert error.args[0].translate("en")  # noqa: PT017
        return
    assert FIELD_KINDS[kind].read(stored, CHOICES) == stored
    if stored:
        assert isinstance(FIELD_KINDS[kind].sort_key(stored), str)


@given(st.integers(-(10**15), 10**15), st.integers(-(10**15), 10**15))
def test_number_keys_sort_as_numbers_do(one: int, other: int) -> None:
    assert (number_key(str(one)) < number_key(str(other))) == (one < other)


@given(st.text(max_size=80))
def test_folding_twice_is_folding_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)


def test_folding_takes_accents_and_case_away() -> None:
    assert fold("  SÃO   João ") == "sao joao"
