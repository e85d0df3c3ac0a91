"""What tests stand on: a copy of a database that was another test's is as a new one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.databases import Store

pytestmark = pytest.mark.postgresql
# Each of them is undone; the last two make a copy that nobody gets again.
CHANGES = [
    ("DELETE FROM session; UPDATE record SET version = 9 WHERE number = 1; DELETE FROM event", True),
    ("UPDATE tenant SET name = 'x'; UPDATE member SET name = 'x' WHERE id = 1", True),
    ("SELECT nextval('tenant_id_seq')", True),
    ("CREATE OR REPLACE FUNCTION lease_clock() RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint'", True),
    ("CREATE FUNCTION another() RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint'", False),
    ("ALTER TABLE record RENAME version TO edition", False),
]


def read_all(store: Store) -> list[object]:
    """Every row, what the next ids are, and what the clock says is only what the time is."""
    tables = sorted(store.dump_tables().items())
    found: list[object] = [
        tables,
        *store.rows_of(*((f'SELECT * FROM "{name}" AS t ORDER BY t::text',) for name, _ in tables)),
    ]
    found.append(store.rows("SELECT sequencename::text, last_value FROM pg_sequences ORDER BY 1"))
    found.append(
        store.rows("SELECT proname::text, prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace ORDER BY 1")
    )
    return found


@pytest.mark.parametrize(("change", "is_kept"), CHANGES)
def test_a_copy_that_was_anothers_is_as_a_new_one(
    seeded: Store, store: Store, tmp_path: Path, change: str, is_kept: bool
) -> None:
    name, before = store.name, read_all(store)
    for statement in change.split("; "):
        store.rows(statement)
    assert read_all(store) != before
    store.drop()
    again = seeded.copy_to(tmp_path)
    assert (again.name == name) == is_kept
    assert read_all(again) == before
