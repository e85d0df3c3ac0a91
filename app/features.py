"""What the program is made of: its pages (`routes.py`), who may do what, and what follows from what is done.

Everything that reads or writes a workspace shares this list: the server, the command line and the demo. Nothing is
there because some module happened to be imported.
"""

from __future__ import annotations

from app import routes
from app.accounts import error_pages
from app.accounts.audit import audited
from app.accounts.rights import install
from app.chat import auditing as chat_auditing
from app.chat import home as chat_home
from app.chat.followers import (
    archived_shown,
    cards_shown,
    deleted_withdrawn,
    direct_rooms_renamed,
    discussions_shown,
    drafts_shown,
    edits_told,
    incoming_bots_shown,
    invited_told,
    lists_shown,
    messages_changed_shown,
    messages_shown,
    messages_told,
    moves_shown,
    people_shown,
    pins_shown,
    rooms_entered,
    rooms_followed,
    saved_shown,
    sidebars_shown,
    unread_shown,
)
from app.chat.notices import CHAT_KINDS
from app.chat.rights import CHAT_RIGHTS
from app.database import Database, Followers
from app.editing import home as editing_home
from app.editing.followers import draft_ends_shown, locks_of_credentials, rows_shown
from app.editing.rights import EDITING_RIGHTS
from app.gateway.followers import bots_shown
from app.gateway.notices import APP_KINDS, makers_told
from app.gateway.rights import GATEWAY_RIGHTS
from app.live.followers import homes_shown, sessions_shown, sockets_closed, undo_ends_shown
from app.live.log import append
from app.notifications import home as notification_home
from app.notifications.accounts import ACCOUNT_KINDS
from app.notifications.announcements import ANNOUNCEMENT_KINDS
from app.notifications.followers import (
    accounts_told,
    announced_shown,
    announced_taken_back,
    announced_told,
    bells_shown,
    ended_counted,
    ended_told,
    followed_shown,
    joined_told,
    mails_planned,
    preferred_counted,
)
from app.notifications.kinds import install_kinds
from app.notifications.rights import NOTIFICATION_RIGHTS
from app.operators import error_pages as operators_error_pages
from app.operators.followers import operators_logged
from app.programs.event_shapes import KINDS_OF_EVENTS
from app.records import auditing, books, destinations, reindexing, typed_forms
from app.records import home as record_home
from app.records import usage as record_usage
from app.records.followers import (
    access_shown,
    added_shown,
    changes_shown,
    changes_told,
    collections_followed,
    collections_shown,
    columns_shown,
    definitions_forgotten_shown,
    field_news_shown,
    fields_shown,
    forgotten_shown,
    formats_reindexed,
    guests_admitted,
    holders_told,
    homes_of_records_shown,
    names_reindexed,
    pinned_shown,
    rights_taken_back,
    times_reindexed,
    told_forgotten,
)
from app.records.notices import RECORD_KINDS
from app.records.rights import RECORD_RIGHTS
from app.tenants import finding, password_links
from app.tenants import home as tenant_home
from app.tenants.followers import (
    following_ended,
    invitation_ends_planned,
    invitations_ended,
    logo_shown,
    members_shown,
    names_shown,
    pictures_shown,
    rights_shown,
    settings_shown,
)
from app.tenants.rights import TENANT_RIGHTS
from app.webhooks.followers import webhooks_told
from app.webhooks.notices import WEBHOOK_KINDS
from app.webhooks.rights import WEBHOOK_RIGHTS
from app.webhooks.webhooks import WEBHOOK_EVENTS

# The pages, and what none of them brings with it, and that says by itself what it is for: a job, what operators see
# counted, what a new workspace is furnished with, how the audit log calls records, where the quick switcher leads, what
# the home page shows, the frame of errors.
PAGES = (routes,)
OTHERS = (
    typed_forms,
    error_pages,
    operators_error_pages,
    password_links,
    finding,
    record_usage,
    reindexing,
    books,
    auditing,
    chat_auditing,
    destinations,
)
ON_HOME = (editing_home, notification_home, chat_home, record_home, tenant_home)

# Who may do what.
install(TENANT_RIGHTS, EDITING_RIGHTS, NOTIFICATION_RIGHTS, RECORD_RIGHTS, CHAT_RIGHTS, GATEWAY_RIGHTS, WEBHOOK_RIGHTS)

# What people can be told of, in the order in which they are asked how.
WEBHOOK_EVENTS.update(kind for kinds in KINDS_OF_EVENTS.values() for kind in kinds)
install_kinds(ACCOUNT_KINDS, CHAT_KINDS, ANNOUNCEMENT_KINDS, RECORD_KINDS, APP_KINDS, WEBHOOK_KINDS)

FOLLOWERS = Followers(
    # What changes rows, in the order in which it works.
    rooms_entered,
    direct_rooms_renamed,
    locks_of_credentials,
    guests_admitted,
    rights_taken_back,
    invitation_ends_planned,
    invitations_ended,
    joined_told,
    accounts_told,
    makers_told,
    ended_told,
    announced_told,
    announced_taken_back,
    ended_counted,
    preferred_counted,
    changes_told,
    holders_told,
    told_forgotten,
    formats_reindexed,
    names_reindexed,
    times_reindexed,
    messages_told,
    edits_told,
    deleted_withdrawn,
    invited_told,
    webhooks_told,
    mails_planned,
    audited,
    operators_logged,
    # What is shown of the rows, in the order in which it is read and rendered.
    shown=(
        sockets_closed,
        following_ended,
        collections_followed,
        rooms_followed,
        access_shown,
        sessions_shown,
        rights_shown,
        members_shown,
        names_shown,
        pictures_shown,
        bots_shown,
        incoming_bots_shown,
        logo_shown,
        settings_shown,
        changes_shown,
        homes_of_records_shown,
        added_shown,
        forgotten_shown,
        definitions_forgotten_shown,
        collections_shown,
        field_news_shown,
        fields_shown,
        columns_shown,
        pinned_shown,
        rows_shown,
        draft_ends_shown,
        discussions_shown,
        archived_shown,
        lists_shown,
        moves_shown,
        messages_shown,
        messages_changed_shown,
        pins_shown,
        saved_shown,
        drafts_shown,
        unread_shown,
        cards_shown,
        sidebars_shown,
        people_shown,
        announced_shown,
        bells_shown,
        followed_shown,
        homes_shown,
        undo_ends_shown,
    ),
    log=append,
)


def open_database(url: str, **pools: int) -> Database:
    """The database of a program that does all of what follows."""
    return Database(url, FOLLOWERS, **pools)
