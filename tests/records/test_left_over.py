"""What was typed into a field whose kind is another one by now, or that is gone: in plain words, and carried over."""

from __future__ import annotations

import pytest

from app.records.fields import Field, Fields
from app.records.left_over import carried_over, carry_over, list_left_over
from tests.fields import make_field


@pytest.mark.parametrize(
    ("old", "text", "new", "carried"),
    [
        (make_field("text"), "7", make_field("decimal", digits=0), "7"),
        (make_field("text"), "seven", make_field("decimal"), None),
        (make_field("decimal"), "seven", make_field("text"), "seven"),
        (make_field("choices", choices=["One", "Two"]), "#1\n#2", make_field("text"), "One; Two"),
        (make_field("choices", choices=["One", "Two"]), "#1\n#2", make_field("choice", choices=["One", "Two"]), None),
        (make_field("person"), "#1", make_field("text"), "Ana Lima"),
        (make_field("person", several=True), "#1\n#5\nhalf", make_field("text"), "Ana Lima; Silva, Ana; half"),
        (make_field("choices", choices=["One"]), "#1\n#7", make_field("text"), "One; #7"),
        (make_field("date"), "2026-01-31", make_field("text"), "1/31/2026"),
        (make_field("text"), "no", make_field("yes_no"), ""),
        (make_field("text"), "perhaps", make_field("yes_no"), None),
    ],
)
def test_what_the_new_kind_can_read_is_carried_over(old: Field, text: str, new: Field, carried: str | None) -> None:
    assert carry_over(text, "", old, new) == carried


@pytest.mark.parametrize(
    ("field", "text", "described"),
    [
        (make_field("person", several=True), "#1\n#5", "Ana Lima; Silva, Ana"),
        (make_field("person", several=True), "#4\nNobody known", "Zé <b>; Nobody known"),
        (make_field("moment"), "2026-05-06T07:08Z", "5/6/2026 07:08 UTC"),
        (make_field("files"), "23 f p.txt\n24 p a.png", "p.txt; a.png"),
        (make_field("files"), "\n".join(f"{n} f {n}.txt" for n in range(1, 13)), "1.txt; 2.txt; 3.txt"),
        (make_field("choice", choices=["One", "Two"]), "#2", "Two"),
        (make_field("yes_no"), "yes", "Yes"),
        (make_field("duration"), "1:45", "1:45"),
    ],
)
def test_every_kind_says_in_plain_words_what_was_typed(field: Field, text: str, described: str) -> None:
    assert field.describe_typed(text).startswith(described)


@pytest.mark.parametrize(
    ("field", "text", "quoted"),
    [
        (make_field("decimal", unit="kg", digits=3, locale="pt_BR"), "12,5", "12,5"),
        (make_field("money", currency="EUR"), "1234", "1234"),
        (make_field("choice", choices=["One", "Two"]), "#2", "Two"),
        (make_field("person"), "#1", "Ana Lima"),
    ],
)
def test_what_people_wrote_themselves_is_quoted_as_they_did(field: Field, text: str, quoted: str) -> None:
    field.id = 1
    [left] = list_left_over(Fields([], [field]), {"f1": text}, None)
    assert left.described == quoted


def fields_of(*chain: str) -> Fields:
    """A field of the last kind, which was of each of the others before."""
    made = [make_field(kind) for kind in chain]
    for number, field in enumerate(made, 1):
        field.id, field.replaces = number, number - 1 or None
    return Fields(made[-1:], made[:-1])


def test_a_field_whose_kind_was_changed_twice_has_what_was_typed_before_both() -> None:
    fields = fields_of("text", "decimal", "text")
    assert fields.successor_of(fields.removed[0]) is fields[0]
    [left] = list_left_over(fields, {"f1": "seven"}, None)
    assert (left.became, left.carried) == (fields[0], "seven")
    assert carried_over(fields, {"f1": "seven"}, None) == {"f3": "seven"}
    assert carried_over(fields, {"f1": "seven", "f3": "typed there"}, None) == {}
    assert carried_over(fields, {"f1": "seven"}, None, asked={"f3"}) == {}


def test_what_was_not_typed_and_fields_that_are_gone_for_good_carry_nothing_over() -> None:
    fields = fields_of("text", "text")
    assert carried_over(fields, {"f1": ""}, None) == {}
    fields[0].replaces = None
    assert fields.successor_of(fields.removed[0]) is None
    [left] = list_left_over(fields, {"f1": "typed"}, None)
    assert (left.became, left.carried, left.described) == (None, None, "typed")
