"""Choices and people whose names look like the references that forms have: a name is never taken for one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.folding import fold
from app.records.export_csv import write_cell
from app.records.import_table import read_cell
from app.records.kinds.known_people import People
from tests.fields import make_field

NAMES = ["#2", "#1", "#7", "2", "# 1", "＃2", "#2; #1", "Plain"]


@given(names=st.lists(st.sampled_from(NAMES), min_size=1, unique_by=fold), data=st.data())
def test_choices_are_exported_and_read_again_alike_whatever_they_are_called(names: list[str], data: Any) -> None:
    for kind, most in (("choice", 1), ("choices", 3)):
        field = make_field(kind, choices=names)
        ids = data.draw(st.lists(st.integers(1, len(names)), min_size=1, max_size=most, unique=True))
        value = " ".join(map(str, sorted(ids)))
        assert field.read(field.kind.from_json(field.kind.to_json(value, field), field)) == value, "by ids, as JSON"
        assert field.read(field.write(value)) == value, "as forms have it"
        for one in ids:
            text: Any = names[one - 1] if kind == "choice" else [names[one - 1]]
            assert field.read(field.kind.from_json(text, field)) == str(one), "by a name, as JSON"
        assert read_cell(field, write_cell(field, value, "en"), "en") == value, "as a table"


@pytest.mark.parametrize("kind", ["choice", "choices"])
def test_a_text_that_looks_like_a_reference_and_is_no_name_chooses_nothing(kind: str) -> None:
    field = make_field(kind, choices=["Good", "Worn"])
    for text in ("#2", " #2", "#9"):
        with pytest.raises(ValueError, match="no choice"):
            field.read(field.kind.from_json(text, field))
        with pytest.raises(ValueError, match="no choice"):
            read_cell(field, text, "en")
    assert field.read(field.kind.from_json("Worn", field)) == read_cell(field, "Worn", "en") == "2"


def test_people_are_told_from_references_likewise() -> None:
    field = make_field("person")
    field.people = People([(1, "Ana", "ana@acme.test", True), (2, "#1", "one@acme.test", True)])
    assert field.read(field.kind.from_json(1, field)) == "1"
    assert field.read(field.kind.from_json("#1", field)) == "2"
    assert read_cell(field, "#1", "en") == "2"
    for text in ("#2", "#9"):
        with pytest.raises(ValueError, match="No one"):
            field.read(field.kind.from_json(text, field))
