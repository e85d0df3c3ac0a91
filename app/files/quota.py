"""How much a workspace's files may take, whatever they belong to."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select

from app.database import PreparedSelect, Transaction
from app.web.forms import Invalid
from app.web.texts import Text, _l

# The columns with the sizes of files, in bytes.
FILE_SIZES: list[Any] = []
# The selects of the sums of them.
SUM_SIZES: list[PreparedSelect[int]] = []


def counts_in_quota(column: Any) -> None:
    """Have the files of a table counted, by the column with their sizes."""
    FILE_SIZES.append(column)
    SUM_SIZES.append(PreparedSelect(lambda: select(func.coalesce(func.sum(column), 0))))


async def sum_sizes(transaction: Transaction) -> int:
    """How many bytes the workspace's files take."""
    return sum([await transaction.value(of_table) or 0 for of_table in SUM_SIZES])


async def check_quota(transaction: Transaction, size: int, quota: int) -> None:
    """Raise Invalid when the workspace has no room for a file; both in bytes."""
    if await sum_sizes(transaction) + size > quota:
        raise Invalid(file=refuse_size(quota))


def refuse_size(quota: int) -> Text:
    """What is said where a workspace has no room."""
    return _l("Not enough space: the files of this workspace can take up to %(limit)d MB.", limit=quota // 1_000_000)
