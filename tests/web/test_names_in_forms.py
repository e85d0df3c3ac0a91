"""What people and things are called: read from forms, and by operations, whoever brings it."""

from __future__ import annotations

import pytest

from app.records.choices import find_fault, name_choices
from app.web.forms import Form, Invalid, clean_label

HEAP = "Z" + "\u0301" * 40
HEAPED = "There are too many marks on one letter."


def test_no_name_has_more_marks_on_a_letter_than_any_language_puts_there() -> None:
    form = Form([("name", HEAP), ("label", HEAP), ("other", "Ste\u0301phane")])
    form.name("name")
    form.text("label", limit=80)
    form.name("other")
    assert {name: error.translate("en") for name, error in form.errors.items()} == {"name": HEAPED, "label": HEAPED}
    with pytest.raises(Invalid) as refused:
        clean_label("title", HEAP)
    assert refused.value.errors["title"].translate("en") == HEAPED
    assert clean_label("title", "Ste\u0301phane") == "Ste\u0301phane"
    fault = find_fault(name_choices(["One", HEAP]))
    assert fault is not None
    assert fault.translate("en") == HEAPED
