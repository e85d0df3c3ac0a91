"""The one list of what follows from what is done, and of who may do it, which everything that writes shares."""

from __future__ import annotations

from app.accounts.audit import audited
from app.accounts.rights import install
from app.chat.followers import (
    archived_shown,
    cards_shown,
    deleted_withdrawn,
    direct_rooms_renamed,
    discussions_shown,
    edits_told,
    general_joined,
    invited_told,
    lists_shown,
    messages_changed_shown,
    messages_shown,
    messages_told,
    moves_shown,
    people_shown,
    sidebars_shown,
)
from app.chat.rights import CHAT_RIGHTS
from app.database import Database, Followers
from app.editing.followers import locks_of_sessions, rows_shown
from app.editing.rights import EDITING_RIGHTS
from app.live.followers import sessions_shown, sockets_closed
from app.live.log import append
from app.notifications.followers import (
    accounts_told,
    announced_taken_back,
    announced_told,
    bells_shown,
    ended_counted,
    ended_told,
    joined_told,
    mails_planned,
    preferred_counted,
)
from app.notifications.rights import NOTIFICATION_RIGHTS
from app.operators.followers import operators_logged
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
from app.records.rights import RECORD_RIGHTS
from app.tenants.followers import (
    following_ended,
    invitation_ends_planned,
    logo_shown,
    members_shown,
    names_shown,
    pictures_shown,
    rights_shown,
    settings_shown,
)
from app.tenants.rights import TENANT_RIGHTS

# Who may do what.
install(TENANT_RIGHTS, EDITING_RIGHTS, NOTIFICATION_RIGHTS, RECORD_RIGHTS, CHAT_RIGHTS)

FOLLOWERS = Followers(
    # What changes rows, in the order in which it works.
    general_joined,
    direct_rooms_renamed,
    locks_of_sessions,
    waiting_ended,
    invitation_ends_planned,
    joined_told,
    accounts_told,
    ended_told,
    announced_told,
    announced_taken_back,
    ended_counted,
    preferred_counted,
    changes_told,
    holders_told,
    told_forgotten,
    messages_told,
    edits_told,
    deleted_withdrawn,
    invited_told,
    mails_planned,
    audited,
    operators_logged,
    # What is shown of the rows, in the order in which it is read and rendered.
    shown=(
        sockets_closed,
        following_ended,
        sessions_shown,
        rights_shown,
        members_shown,
        names_shown,
        pictures_shown,
        logo_shown,
        settings_shown,
        changes_shown,
        added_shown,
        forgotten_shown,
        collections_shown,
        fields_shown,
        rows_shown,
        discussions_shown,
        archived_shown,
        lists_shown,
        moves_shown,
        messages_shown,
        messages_changed_shown,
        cards_shown,
        sidebars_shown,
        people_shown,
        bells_shown,
    ),
    log=append,
)


def open_database(url: str, **pools: int) -> Database:
    """The database of a program that does all of what follows."""
    return Database(url, FOLLOWERS, **pools)
