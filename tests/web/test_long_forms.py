"""Long forms are read piece by piece, and as the standard library reads them."""

from __future__ import annotations

import asyncio
from urllib.parse import parse_qsl, quote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.web import bodies
from app.web.bodies import parse_form, parse_in_turn, unquote_long


@given(st.text(), st.integers(min_value=3, max_value=40))
def test_a_text_is_whole_wherever_it_is_cut(text: str, piece: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bodies, "PIECE", piece)
        assert unquote_long(quote_plus(text, errors="replace")) == text.encode(errors="replace").decode()


@given(st.text(alphabet="%aA1é+&=;\udcff \n", max_size=60), st.integers(min_value=3, max_value=9))
def test_any_body_is_read_as_by_the_standard_library(body: str, piece: int) -> None:
    sent = body.encode(errors="replace")
    expected: dict[str, list[str]] = {}
    for name, value in parse_qsl(sent.decode(), keep_blank_values=True):
        expected.setdefault(name, []).append(value)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bodies, "PIECE", piece)
        assert parse_form(sent).values == expected


def test_a_body_of_too_many_fields_is_refused() -> None:
    with pytest.raises(ValueError, match="too many"):
        parse_form(urlencode([("a", "b")] * (bodies.MOST_PAIRS + 1)).encode())


async def test_long_forms_are_parsed_by_turns_between_those_who_send_them() -> None:
    """One who has sent many does not come before somebody who has sent one."""
    parsed: list[str] = []
    order = ["carla"] * 8 + ["bruno"]
    await asyncio.gather(*(parse_in_turn(each, parsed.append, each) for each in order))
    assert parsed.index("bruno") <= 2
    assert sorted(parsed) == sorted(order)
