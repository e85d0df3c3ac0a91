"""What pages are shown of rows beside their facts, noted by whatever changes a queue or a draft.

`channels.py` shows it, once for each row, as it is at the end of the transaction.
"""

from __future__ import annotations

from msgspec import Struct

from app.database import Showing, Transaction
from app.editing.rows import Editable


class RowStandings(Showing, Struct, frozen=True, eq=False):
    """How members stand to a row: these, whoever is in line and whoever has a draft of it."""

    row: Editable
    concerned: tuple[int, ...]


def push_standings(transaction: Transaction, row: Editable, *concerned: int) -> None:
    """Publish, to each person whom it concerns alone, whose turn it is, who is in line, what was asked and typed."""
    transaction.show(RowStandings(row, concerned))


class DraftEnd(Showing, Struct, frozen=True):
    """That the draft of something that is not added yet is gone, which was begun on a form: what was `made` of it, or
    nothing."""

    member_id: int
    begun: str
    made: str


def push_draft_end(transaction: Transaction, member_id: int, begun: str, made: str = "") -> None:
    """Let the open pages of a member that go on with a draft say what has become of it."""
    transaction.show(DraftEnd(member_id, begun, made))
