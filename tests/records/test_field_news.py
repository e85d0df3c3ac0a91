"""What open forms are told of their fields, in words."""

from __future__ import annotations

import pytest

from app.database import Actor
from app.records.facts import (
    FieldAdded,
    FieldDescribed,
    FieldKindChanged,
    FieldLimited,
    FieldRemoved,
    FieldRestored,
    FieldsChanged,
)
from app.records.field_news import list_news

ABOUT = {"by": Actor(), "collection_id": 1, "refs": ("f1",), "label": "Year"}
UNCHANGED = {"before": "Year", "required": None, "unique": None, "choices_changed": False}
SAID = [
    (FieldRemoved(**ABOUT, collection="Books"), ["“Year” was removed."]),
    (FieldAdded(**ABOUT, collection="Books"), ["“Year” was added."]),
    (FieldRestored(**ABOUT, collection="Books"), ["“Year” was restored."]),
    (FieldKindChanged(**ABOUT, before="text", after="date"), ["The type of “Year” changed from Text to Date."]),
    (
        FieldLimited(**ABOUT, roles="member", were="guest"),
        ["You can no longer edit “Year”.", "You can now edit “Year”."],
    ),
    (FieldAdded(**ABOUT | {"computed": True}, collection="Books"), []),
    (FieldDescribed(**ABOUT, **UNCHANGED), []),
    (
        FieldDescribed(**ABOUT, **UNCHANGED | {"before": "When", "required": True}),
        ["“When” was renamed to “Year”.", "“Year” is now required."],
    ),
    (
        FieldDescribed(**ABOUT, **UNCHANGED | {"required": False, "unique": True}),
        ["“Year” is no longer required.", "“Year” must now be unique."],
    ),
    (
        FieldDescribed(**ABOUT, **UNCHANGED | {"unique": False, "choices_changed": True}),
        ["“Year” no longer has to be unique.", "The choices of “Year” were changed."],
    ),
    (FieldsChanged(by=Actor(), collection_id=1), []),
]


@pytest.mark.parametrize(("fact", "said"), SAID)
def test_each_change_of_a_field_is_said_in_words(fact: FieldsChanged, said: list[str]) -> None:
    assert [each.said.translate("en") for each in list_news(fact)] == said
    assert all(each.said.translate("pt_BR") != each.said.translate("en") for each in list_news(fact))


def test_no_kind_of_change_is_left_without_words() -> None:
    kinds = {kind.__name__ for kind in FieldsChanged.__subclasses__()}  # with slots, each is there twice
    assert {type(fact).__name__ for fact, said in SAID if said} == kinds
