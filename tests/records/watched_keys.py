"""What holds of the keys of records, whatever becomes of records and fields."""

from __future__ import annotations

from typing import Any

from app.records.keys import keys_of, unique_key
from app.records.records import search_text


def check_keys(now: Any, *, waiting: bool) -> None:
    """What is unique at any time; what is sorted and searched when no job is about to make it anew.

    Where values need not be unique any more they have the keys of before, until they are other ones.
    """
    fields = now.fields
    by_id = {field.id: field for field in fields}
    assert waiting or all(field.keyed for field in fields), "nobody writes the keys that are missing"
    wanted = {
        (key["record_id"], key["field_id"]): (key["number"], key["sort_key"], key["unique_key"])
        for record in now.listed()
        for key in keys_of(fields, record.id, record.number, record.values)
    }
    coming = {each.id for each in fields.removed if each.replaces in {other.id for other in fields}}
    unique = {each.id for each in fields.removed if each.unique and each.keyed}  # which keep theirs in the bin
    ignored = {each.id for each in fields.removed} if waiting else coming | unique  # the job forgets the others
    found = {place: key for place, key in now.keys.items() if place[1] not in ignored}
    values = {record.id: record.values for record in now.listed()}
    missing = wanted.keys() - found.keys()
    assert found.keys() <= wanted.keys()
    for record_id, field_id in missing:
        assert not by_id[field_id].keyed
        assert not (by_id[field_id].unique and values[record_id].get(by_id[field_id].ref))
    for place in wanted.keys() - missing:
        number, sort_key, wanted_key = wanted[place]
        field = by_id[place[1]]
        before = None if field.unique else unique_key(field, values[place[0]].get(field.ref, "")) or None
        assert found[place][0] == number
        assert found[place][2] in (wanted_key, before), "a unique key is another value's"
        assert waiting or found[place][1] == sort_key, "a sort key is another value's"
    for record in now.records.values():
        assert waiting or record.search == search_text(fields, record.values), "what is found is not what there is"
