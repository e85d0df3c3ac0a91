"""The one list of what follows from what is done, which everything that writes shares."""

from __future__ import annotations

from app.accounts.audit import audited
from app.chat.followers import (
    archived_shown,
    cards_shown,
    deleted_withdrawn,
    discussions_shown,
    edits_told,
    entered_shown,
    invited_told,
    left_shown,
    messages_changed_shown,
    messages_shown,
    messages_told,
    rooms_changed_shown,
    rooms_made_shown,
)
from app.database import Database, Followers
from app.editing.followers import locks_of_sessions, locks_shown
from app.records.followers import (
    added_shown,
    changes_shown,
    changes_told,
    collections_shown,
    fields_shown,
    forgotten_shown,
    holders_told,
    told_forgotten,
    waiting_ended,
)

# In the order in which they work: first what changes rows, then what is shown of them.
FOLLOWERS = Followers(
    locks_of_sessions,
    waiting_ended,
    changes_told,
    holders_told,
    told_forgotten,
    messages_told,
    edits_told,
    deleted_withdrawn,
    invited_told,
    audited,
    changes_shown,
    added_shown,
    forgotten_shown,
    collections_shown,
    fields_shown,
    locks_shown,
    left_shown,  # who has left a room gets nothing of what is shown there after this
    discussions_shown,
    rooms_made_shown,
    rooms_changed_shown,
    archived_shown,
    entered_shown,
    messages_shown,
    messages_changed_shown,
    cards_shown,
)


def open_database(url: str, **pools: int) -> Database:
    """The database of a program that does all of what follows."""
    return Database(url, FOLLOWERS, **pools)
