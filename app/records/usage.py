"""What there is to count of records."""

from __future__ import annotations

from sqlalchemy import Select, func, select

from app.editing.lock_statements import is_held
from app.records.records import Record
from app.tenants.usage import measure


@measure("records")
def count_records() -> Select[int, int]:
    """Records that are not in the bin."""
    statement = select(Record.tenant_id, func.count(Record.id)).where(Record.deleted_at.is_(None))
    return statement.group_by(Record.tenant_id)


@measure("locks")
def count_locks() -> Select[int, int]:
    """Records that somebody edits now."""
    return select(Record.tenant_id, func.count(Record.id)).where(is_held(Record)).group_by(Record.tenant_id)
