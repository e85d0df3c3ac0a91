"""What follows from the facts of records."""

from __future__ import annotations

from collections.abc import Sequence

from app.accounts.facts import MemberJoined, MemberRenamed, RoleChanged, TimeZoneChosen
from app.database import Follower, Shown, Transaction
from app.editing.facts import LockAsked, LockFreed, LockOffered
from app.notifications.facts import MailsDue
from app.notifications.withdrawals import forget_subjects
from app.records.access_facts import AccessChanged, GuestAdmitted
from app.records.channels import (
    read_added,
    read_changes,
    read_collections,
    show_added,
    show_changes,
    show_collections,
    show_columns_anew,
    show_definitions_forgotten,
    show_fields,
    show_forgotten,
    show_own_pins,
    tell_of_collections,
)
from app.records.facts import (
    CollectionAdded,
    CollectionDescribed,
    CollectionRenamed,
    ColumnsChosen,
    DefinitionsForgotten,
    FieldsChanged,
)
from app.records.granting import admit_invited
from app.records.lost_rights import read_affected, show_affected, take_rights_back
from app.records.notices import tell_asked, tell_changes
from app.records.pins import PinnedOf
from app.records.pushes import read_homes, show_field_news, show_homes_anew
from app.records.record_facts import RecordChanged, RecordsAdded, RecordsForgotten, RecordsReindexed
from app.records.reindexing import reindex_all_soon, reindex_people_soon, reindex_times_soon
from app.tenants.facts import SettingChanged


async def forget_told(transaction: Transaction, facts: Sequence[RecordsForgotten]) -> None:
    """What was told of records that are gone for good goes with them, and who follows them."""
    await forget_subjects(transaction, "record", [each for fact in facts for each in fact.record_ids])


guests_admitted = Follower(admit_invited, (MemberJoined,), notes=(GuestAdmitted,))
rights_taken_back = Follower(take_rights_back, (AccessChanged, RoleChanged), notes=(LockFreed, LockOffered))
access_shown = Shown(show_affected, (AccessChanged,), read_affected)
changes_told = Follower(tell_changes, (RecordChanged,), notes=(MailsDue,))
holders_told = Follower(tell_asked, (LockAsked,), notes=(MailsDue,))
changes_shown = Shown(show_changes, (RecordChanged,), read_changes)
homes_of_records_shown = Shown(show_homes_anew, (RecordChanged,), read_homes)
told_forgotten = Follower(forget_told, (RecordsForgotten,))
formats_reindexed = Follower(reindex_all_soon, (SettingChanged,))
names_reindexed = Follower(reindex_people_soon, (MemberRenamed,))
times_reindexed = Follower(reindex_times_soon, (TimeZoneChosen,))
definitions_forgotten_shown = Shown(show_definitions_forgotten, (DefinitionsForgotten,))
forgotten_shown = Shown(show_forgotten, (RecordsForgotten,))
added_shown = Shown(show_added, (RecordsAdded,), read_added)
collections_followed = Shown(tell_of_collections, (CollectionAdded,))
collections_shown = Shown(show_collections, (CollectionAdded, CollectionRenamed, CollectionDescribed), read_collections)
field_news_shown = Shown(show_field_news, (FieldsChanged,))
fields_shown = Shown(show_fields, (FieldsChanged, RecordsReindexed, CollectionDescribed))
columns_shown = Shown(show_columns_anew, (ColumnsChosen,))
pinned_shown = Shown(show_own_pins, (PinnedOf,))
