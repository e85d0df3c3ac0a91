"""What follows from the facts of records."""

from __future__ import annotations

from collections.abc import Sequence

from app.database import Follower, Shown, Transaction
from app.editing.facts import LockAsked
from app.notifications.facts import MailsDue
from app.notifications.withdrawals import forget_subjects
from app.records.channels import (
    read_added,
    read_changes,
    read_collections,
    show_added,
    show_changes,
    show_collections,
    show_fields,
    show_forgotten,
)
from app.records.facts import (
    CollectionAdded,
    CollectionDescribed,
    CollectionRenamed,
    FieldsChanged,
    RecordChanged,
    RecordsAdded,
    RecordsForgotten,
    RecordsReindexed,
)
from app.records.notices import tell_asked, tell_changes
from app.records.reindexing import reindex_all_soon
from app.tenants.facts import SettingChanged


async def forget_told(transaction: Transaction, facts: Sequence[RecordsForgotten]) -> None:
    """What was told of records that are gone for good goes with them, and who follows them."""
    await forget_subjects(transaction, "record", [each for fact in facts for each in fact.record_ids])


changes_told = Follower(tell_changes, (RecordChanged,), notes=(MailsDue,))
holders_told = Follower(tell_asked, (LockAsked,), notes=(MailsDue,))
changes_shown = Shown(show_changes, (RecordChanged,), read_changes)
told_forgotten = Follower(forget_told, (RecordsForgotten,))
formats_reindexed = Follower(reindex_all_soon, (SettingChanged,))
forgotten_shown = Shown(show_forgotten, (RecordsForgotten,))
added_shown = Shown(show_added, (RecordsAdded,), read_added)
collections_shown = Shown(show_collections, (CollectionAdded, CollectionRenamed, CollectionDescribed), read_collections)
fields_shown = Shown(show_fields, (FieldsChanged, RecordsReindexed, CollectionDescribed))
