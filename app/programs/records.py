"""What the endpoints of records share: which record and version is meant, the lock that is shown, and values."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from typing import Annotated, Any

import msgspec
from litestar.params import HeaderParameter

from app.accounts.members import Member
from app.database import Transaction
from app.editing.locks import is_proven, lease_runs
from app.editing.rows import Held, Proof, read_clock
from app.programs.answering import digest_of
from app.programs.problems import Problem
from app.programs.shapes import in_utc, moment_after, shape_holder
from app.records.changes import Changed
from app.records.fields import Field, Fields
from app.records.import_json import MOST_OF_A_VALUE
from app.records.json_files import as_text
from app.records.kinds.kind import fail
from app.records.records import Record
from app.records.values import write_values
from app.web.forms import Invalid, number_of
from app.web.texts import Text, _l

MORE_THAN_FIELDS_HOLD = 10**15
TAG = re.compile(r'(?:W/)?"([0-9]{1,18})(?:-[0-9a-f]*)?"')
ANY_TAG = re.compile(r'(?:W/)?"([\x21\x23-\x7e]*)"')
IfMatch = Annotated[
    str | None, HeaderParameter(name="If-Match", description='The version that is meant, as `"3"`; without it: 428.')
]
IfAsSeen = Annotated[
    str | None, HeaderParameter(name="If-Match", description="The `ETag` with which it was read; without it: 428.")
]
LockHeader = Annotated[
    str | None, HeaderParameter(name="Lock", description="What was given as `lock` when the record's lock was taken.")
]


def read_version(if_match: str | None) -> int:
    """The version that a change is meant for. Raises a 428 problem where none is named, and a 400 one."""
    if if_match is None:
        raise Problem("precondition-required", 'Send the version that you know as the header If-Match, such as "3".')
    found = TAG.fullmatch(if_match.strip())
    if found is None:
        raise Problem("bad-request", 'If-Match has one version, in quotation marks, such as "3".')
    return number_of(found[1])


def check_named(if_match: str | None) -> str:
    """The header that says which state of a thing a change means. Raises a 428 problem where there is none."""
    if if_match is None:
        raise Problem("precondition-required", "Send the ETag with which it was read as the header If-Match.")
    return if_match


def read_any_tag(if_match: str) -> str:
    """What stands in a tag. Raises a 400 problem."""
    found = ANY_TAG.fullmatch(if_match.strip())
    if found is None:
        raise Problem("bad-request", "If-Match has one ETag, as it was given.")
    return found[1]


def check_seen(if_match: str | None, shape: msgspec.Struct) -> None:
    """Raise a 428 problem where a change doesn't say which state of a thing it means, and a 412 one where that is not
    its `shape` any more. It is for what has no version: the tag with which it was read is a digest of it."""
    if read_any_tag(check_named(if_match)) != digest_of(msgspec.json.encode(shape)):
        raise Problem("version-changed", "It is another by now. Read it again.")


def read_proof(lock: str | None) -> Proof | None:
    """The proof of a lock that is sent, if any."""
    return Proof.read(lock) if lock else None


async def refuse_locked(
    transaction: Transaction, record: Record, member: Member, lock: str | None, version: int
) -> Proof | None:
    """The proof of the lock that is sent, if any. Raises a 423 problem where somebody else holds the record, or the
    same member otherwise, a 409 one for a lock that is lost, and a 412 one where the record is not at a version any
    more. The statement that writes asks for both again."""
    clock, proof = await read_clock(transaction), read_proof(lock)
    if lock is not None or lease_runs(record, clock):
        proven = proof is not None and await is_proven(transaction, record, member, proof)
        if not proven and lease_runs(record, clock):
            raise describe_held(record, clock)
        if not proven:
            raise Problem("lock-lost", "This is not the lock of this record, or not any more.")
    if record.version != version:
        raise describe_changed(record)
    return proof


def describe_held(record: Record, clock: int) -> Problem:
    """What is said of a record that somebody holds."""
    until = moment_after((record.lock_until or clock) - clock)
    return Problem(
        "locked",
        "It is somebody's turn." if record.lock_offered else "Somebody edits it, or the header Lock is missing.",
        holder=msgspec.to_builtins(shape_holder(record)),
        since=msgspec.to_builtins(record.lock_since and in_utc(record.lock_since)),
        until=msgspec.to_builtins(until),
        holding=record.lock_token,
    )


def describe_changed(record: Record) -> Problem:
    """What is said of a record that is at another version."""
    return Problem("version-changed", f"It is at version {record.version} by now.", version=record.version)


@contextmanager
def told_by_keys(fields: Fields, record: Record | None = None, clock: int = 0) -> Iterator[None]:
    """Say what an operation refuses as programs know it: fields by their keys."""
    try:
        yield
    except Invalid as invalid:
        keys = {field.ref: field.key for field in fields}
        errors = {keys.get(name, name): text for name, text in invalid.errors.items()}
        raise Problem("invalid" if invalid.status == 422 else "conflict", errors=errors) from invalid
    except Held as held:
        raise (describe_held(record, clock) if record is not None else Problem("locked")) from held
    except Changed as changed:
        raise (describe_changed(record) if record is not None else Problem("version-changed")) from changed


def read_given(fields: Fields, given: Mapping[str, Any], record: Record | None = None) -> dict[str, str]:
    """What a program gives for fields, as one would type it, over what the record has. What is as the record gives it
    is not touched, and not judged. Raises a 422 problem."""
    by_key = {field.key: field for field in fields}
    typed = dict(write_values(fields, record.values if record else {}))
    if record is None:
        typed |= {each.ref: each.write(each.default) for each in fields if not each.kind.computed}
    errors: dict[str, Text | str] = {}
    for key, value in given.items():
        field = by_key.get(key)
        if field is None:
            errors[key] = _l("There is no such field.")
        elif field.kind.computed:
            errors[key] = _l("The program fills in this field itself.")
        elif record is None or not is_as_given(field, record.values.get(field.ref, ""), value):
            try:
                typed[field.ref] = read_json_value(field, value)
            except ValueError as error:
                errors[key] = error.args[0] if isinstance(error.args[0], Text) else _l("This is not of the right type.")
    if errors:
        raise Problem("invalid", errors=errors)
    return typed


def is_as_given(field: Field, value: str, given: Any) -> bool:
    """Whether a program gives a value back as it got it; as JSON, where true is not 1."""
    return bool(value) and msgspec.json.encode(given) == msgspec.json.encode(field.kind.to_json(value, field))


def as_forms_have_it(value: Any) -> Any:
    """What is given, with texts as forms have them: without what is no character, or marks a mention."""
    if isinstance(value, list):
        return [as_forms_have_it(each) for each in value]
    return as_text(value) if isinstance(value, str) else value


def read_json_value(field: Field, given: Any) -> str:
    """A value as one would type it. Raises ValueError with a Text."""
    value = as_forms_have_it(given)
    parts = value if isinstance(value, list) else [value]
    if len(parts) > MOST_OF_A_VALUE or any(isinstance(each, list) for each in parts):
        raise fail("This is not of the right type.")
    if any(isinstance(each, int | float) and not abs(each) < MORE_THAN_FIELDS_HOLD for each in parts):
        raise fail("This number has more digits than a field can hold.")
    parts = [exactly(each) for each in parts]
    if field.kind.has_choices:
        there = [each for each in parts if each is not None]
        return "\n".join(field.kind.from_json(each, field) for each in there)
    return field.kind.from_json(parts if isinstance(value, list) else parts[0], field)


def exactly(number: Any) -> Any:
    """A number as it was written, with its digits after the point, if it has some; what is none, as it is."""
    if not isinstance(number, float):
        return number
    return int(number) if number.is_integer() else Decimal(repr(number))
