"""What changing many records at once costs: as many transactions as their values that change ask for, and no value read
or shown more often than its row in lists is. Of time nothing is said here, as it depends on the machine."""

from __future__ import annotations

from collections import Counter

import pytest

from app.accounts.members import Member
from app.database import Actor, Database
from app.records.adding import create_records
from app.records.definitions import add_collection, append_field
from app.records.fields import Field, list_fields
from app.records.import_writing import ImportReport, read_versions, take_part, write_lines
from app.records.imports import parse_import, plan_import
from app.records.kinds.texts import TextKind

ACME, RECORDS = 1, 28
AS_ANA = Actor("page", member_id=1)


async def import_column(database: Database, count: int, columns: int) -> int:
    """Change some columns of records with so many fields; how many transactions that took."""
    async with database.write(ACME) as transaction:
        transaction.actor, ana = AS_ANA, await transaction.get_one(Member, 1)
        machines = await add_collection(transaction, ana, name=f"Machines {count} {columns}", first="Name")
        for at in range(1, count):
            await append_field(transaction, machines, ana, label=f"Part {at}", kind_name="text")
        fields = await list_fields(transaction, machines)
        await create_records(
            transaction, machines, [{each.ref: f"Old {at}" for each in fields} for at in range(RECORDS)], ana
        )
    names = [each.label for each in fields[:columns]]
    lines = [f"{at + 1};" + ";".join([f"New {at}"] * columns) for at in range(RECORDS)]
    async with database.read(ACME) as transaction:
        transaction.actor, ana = AS_ANA, await transaction.get_one(Member, 1)
        plan = await plan_import(transaction, machines, ana, parse_import("\n".join([f"#;{';'.join(names)}", *lines])))
    assert not plan.errors
    assert not plan.wrong
    report, begin, parts = ImportReport(), 0, 0
    while part := take_part(plan, begin):
        begin, parts = begin + len(part), parts + 1
        async with database.write(ACME) as transaction:
            transaction.actor, ana = AS_ANA, await transaction.get_one(Member, 1)
            await write_lines(transaction, machines, ana, plan, part, read_versions(plan.seen, 99), report)
    assert report.changed == RECORDS
    return parts


async def test_changing_one_column_takes_as_many_transactions_whatever_else_records_have(database: Database) -> None:
    few = await import_column(database, 6, 1)
    many = await import_column(database, 60, 1)
    assert few == many
    wide = await import_column(database, 60, 60)
    assert wide > many, "each value that comes has its key written"


@pytest.mark.parametrize("columns", [1, 60])
async def test_each_value_of_a_record_that_is_imported_is_shown_once_and_read_for_searching_once(
    database: Database, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    counted: Counter[str] = Counter()
    show, find = Field.show, TextKind.search_text

    def count_shown(field: Field, value: str) -> object:
        counted["shown"] += value.startswith("New") or value.startswith("Old")
        return show(field, value)

    def count_searched(kind: TextKind, value: str, field: Field) -> str:
        counted["searched"] += value.startswith(("New", "Old"))
        return find(kind, value, field)

    monkeypatch.setattr(Field, "show", count_shown)
    monkeypatch.setattr(TextKind, "search_text", count_searched)
    await import_column(database, 60, columns)
    added = changed = RECORDS * 60
    # What a record is called by is described, and shown as no value is.
    assert counted == {"shown": changed - RECORDS, "searched": added + changed}
