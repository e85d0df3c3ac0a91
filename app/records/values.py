"""Values as forms have them: read over those of before, written into forms, copied; and which of them somebody may not
change.

A field may be read-only for roles: they see its values, and change none; a new record of theirs has the default.
`read_values` refuses what is typed, and what `write_record` and `add_records` are given is looked at, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from app.accounts.members import Member
from app.accounts.rights import find_right, may
from app.records.fields import Field, Fields
from app.records.formats import FORMATS
from app.records.records import Values
from app.web.forms import Invalid
from app.web.texts import Text, _l


def read_values(
    fields: Fields, typed: Mapping[str, str], before: Mapping[str, str] | None = None, *, by: Member
) -> Values:
    """The values to store for what somebody typed into each field, by refs or keys, over the values of before.

    What is there already and was not touched is not judged: it may be of a rule, or a choice, that is no more. Of what
    somebody may not change a new record has the default. Raises Invalid with a text for each field that won't do.
    """
    values: Values = {}
    errors: dict[str, Text] = {}
    read_only = list_read_only(fields, by)
    had = {field.ref: value_of_before(field, before) for field in fields}
    given = fields.by_ref(typed)
    for field in fields:
        if field.kind.computed:
            continue
        text, value = given.get(field.ref, ""), had[field.ref]
        if field in read_only:
            if field.ref in given and text.replace("\r\n", "\n") != field.write(value):
                errors[field.ref] = find_right("change", field).refusal
        elif before is None or text.replace("\r\n", "\n") != field.write(value):
            try:
                value = field.read(text, value)
                if field.required and not value:
                    raise ValueError(_l("This can't be empty."))
            except ValueError as error:
                errors[field.ref] = error.args[0]
                continue
        if value:
            values[field.ref] = value
    if errors:
        raise Invalid(**errors)
    return values


def write_values(fields: Fields, values: Mapping[str, str]) -> dict[str, str]:
    """Values as a form has them, and in which formats."""
    written = {field.ref: field.write(values.get(field.ref, "")) for field in fields if not field.kind.computed}
    return written | {FORMATS: fields.written_in}


def copy_values(
    fields: Iterable[Field], values: Mapping[str, str], member: Member
) -> tuple[dict[str, str], list[Field]]:
    """What the form of a new record that is like another begins with, without what no other record may have (unique
    values and files), and what its member may not enter; and the fields of which they may not enter all."""
    copied, curtailed = {}, []
    read_only = list_read_only(fields, member)
    for field in fields:
        value, kept = values.get(field.ref, ""), ""
        if field in read_only:
            kept = field.default
        elif not field.unique and field.kind.is_typed:
            kept = keep_enterable(field, value)
        copied[field.ref] = field.write(kept)
        if kept != value and not field.unique and field.kind.is_typed:
            curtailed.append(field)
    return copied, curtailed


def keep_enterable(field: Field, value: str) -> str:
    """As much of a value as a new record can be given: of one of several, those that can be chosen."""
    entries = map(field.write, field.kind.list_entries(value))
    return read_if_can(field, "\n".join(entry for entry in entries if read_if_can(field, entry)))


def read_if_can(field: Field, text: str) -> str:
    """The value of what a form of a new record has; '' where it won't do."""
    try:
        return field.read(text, field.default)
    except ValueError:
        return ""


def value_of_before(field: Field, before: Mapping[str, str] | None) -> str:
    """The value that a field has before a change; of a new record (None) the default."""
    return field.default if before is None else before.get(field.ref, "")


def list_read_only(fields: Iterable[Field], member: Member) -> list[Field]:
    """Those of some fields that a member may not change. Of one that is read-only for no role nobody asks."""
    limited = [field for field in fields if field.read_only_for and not field.kind.computed]
    return [field for field in limited if not may(member, "change", field)]


def find_overstepped(
    read_only: Iterable[Field], before: Mapping[str, str] | None, after: Mapping[str, str]
) -> dict[Field, Text]:
    """Those of the fields that somebody may not change whose values they would change, and what is said of each."""
    return {
        field: find_right("change", field).refusal
        for field in read_only
        if after.get(field.ref, "") != value_of_before(field, before)
    }


def refuse_overstepping(read_only: Iterable[Field], before: Mapping[str, str] | None, after: Mapping[str, str]) -> None:
    """Raise Invalid when somebody would change values who may not."""
    if overstepped := find_overstepped(read_only, before, after):
        raise Invalid(**{field.ref: refusal for field, refusal in overstepped.items()})
