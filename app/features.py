"""What the program is made of: its pages, who may do what, and what follows from what is done.

Everything that reads or writes a workspace shares this list: the server, the command line and the demo. Nothing is
there because some module happened to be imported.
"""

from __future__ import annotations

from typing import Any

from app.accounts import error_pages
from app.accounts.audit import audited
from app.accounts.quick_switcher import show_quick_switcher
from app.accounts.rights import install
from app.accounts.undo import take_back
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
from app.chat.pages import attachments as attachment_pages
from app.chat.pages import choices as choice_pages
from app.chat.pages import discussions as discussion_pages
from app.chat.pages import incoming as incoming_pages
from app.chat.pages import marks as mark_pages
from app.chat.pages import memberships as membership_pages
from app.chat.pages import messages as message_pages
from app.chat.pages import rooms as room_pages
from app.chat.pages import search as search_pages
from app.chat.rights import CHAT_RIGHTS
from app.database import Database, Followers
from app.editing import home as editing_home
from app.editing.followers import draft_ends_shown, locks_of_credentials, rows_shown
from app.editing.rights import EDITING_RIGHTS
from app.gateway.followers import bots_shown
from app.gateway.notices import APP_KINDS, makers_told
from app.gateway.pages import app_deliveries, app_pictures
from app.gateway.pages import apps as app_pages
from app.gateway.rights import GATEWAY_RIGHTS
from app.guide.pages import help as help_pages
from app.live.followers import homes_shown, sessions_shown, sockets_closed
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
    joined_told,
    mails_planned,
    preferred_counted,
)
from app.notifications.kinds import install_kinds
from app.notifications.pages import announcements as announcement_pages
from app.notifications.pages import inbox as inbox_pages
from app.notifications.pages import preferences as preference_pages
from app.notifications.rights import NOTIFICATION_RIGHTS
from app.operators.followers import operators_logged
from app.operators.pages import workspaces as operator_pages
from app.programs.endpoints.every import PROGRAM_ENDPOINTS
from app.programs.event_shapes import KINDS_OF_EVENTS
from app.programs.pages import reference as reference_pages
from app.records import auditing, books, destinations, reindexing
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
    rights_taken_back,
    times_reindexed,
    told_forgotten,
)
from app.records.notices import RECORD_KINDS
from app.records.pages import adding as adding_pages
from app.records.pages import bin as bin_pages
from app.records.pages import bulk as bulk_pages
from app.records.pages import closing as closing_pages
from app.records.pages import collections as collection_pages
from app.records.pages import columns as column_pages
from app.records.pages import drafts as draft_pages
from app.records.pages import editing as editing_pages
from app.records.pages import exports as export_pages
from app.records.pages import fields as field_pages
from app.records.pages import files as record_file_pages
from app.records.pages import home as home_pages
from app.records.pages import imports as import_pages
from app.records.pages import kinds as kind_pages
from app.records.pages import locks as lock_pages
from app.records.pages import permissions as permission_pages
from app.records.pages import printing as printing_pages
from app.records.pages import records as record_pages
from app.records.pages import reverting as reverting_pages
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
from app.tenants.pages import account as account_pages
from app.tenants.pages import audit as audit_pages
from app.tenants.pages import central as central_pages
from app.tenants.pages import confirmation as confirmation_pages
from app.tenants.pages import invitations as invitation_pages
from app.tenants.pages import joining as joining_pages
from app.tenants.pages import keys as key_pages
from app.tenants.pages import members as member_pages
from app.tenants.pages import pictures as picture_pages
from app.tenants.pages import security as security_pages
from app.tenants.pages import settings as settings_pages
from app.tenants.pages import sign_in as sign_in_pages
from app.tenants.pages import tokens as token_pages
from app.tenants.rights import TENANT_RIGHTS
from app.webhooks.followers import webhooks_told
from app.webhooks.notices import WEBHOOK_KINDS
from app.webhooks.pages import deliveries as delivery_pages
from app.webhooks.pages import webhooks as webhook_pages
from app.webhooks.rights import WEBHOOK_RIGHTS
from app.webhooks.webhooks import WEBHOOK_EVENTS

WORKSPACE_PAGES = (
    sign_in_pages,
    account_pages,
    token_pages,
    app_pages,
    app_deliveries,
    app_pictures,
    member_pages,
    confirmation_pages,
    invitation_pages,
    joining_pages,
    picture_pages,
    audit_pages,
    settings_pages,
    webhook_pages,
    delivery_pages,
    key_pages,
    help_pages,
    security_pages,
    home_pages,
    collection_pages,
    closing_pages,
    permission_pages,
    field_pages,
    kind_pages,
    column_pages,
    record_pages,
    adding_pages,
    record_file_pages,
    editing_pages,
    reverting_pages,
    draft_pages,
    lock_pages,
    bin_pages,
    bulk_pages,
    import_pages,
    export_pages,
    printing_pages,
    room_pages,
    membership_pages,
    incoming_pages,
    mark_pages,
    search_pages,
    choice_pages,
    message_pages,
    attachment_pages,
    discussion_pages,
    inbox_pages,
    announcement_pages,
    preference_pages,
    reference_pages,
)
WORKSPACE_ROUTES: list[Any] = [
    show_quick_switcher,
    take_back,
    *(handler for module in WORKSPACE_PAGES for handler in module.handlers),
]
PROGRAM_ROUTES: list[Any] = [endpoint for module in PROGRAM_ENDPOINTS for endpoint in module.endpoints]
CENTRAL_ROUTES: list[Any] = [*central_pages.handlers, operator_pages.router]

# What no page brings with it, and that says by itself what it is for: a job, what operators see counted, what a new
# workspace is furnished with, how the audit log calls records, where the quick switcher leads, what the home page
# shows, the frame of errors.
OTHERS = (error_pages, password_links, finding, record_usage, reindexing, books, auditing, chat_auditing, destinations)
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
        homes_shown,
    ),
    log=append,
)


def open_database(url: str, **pools: int) -> Database:
    """The database of a program that does all of what follows."""
    return Database(url, FOLLOWERS, **pools)
