"""The pages of the program, and what programs call: every route, in the order in which they are looked through."""

from __future__ import annotations

from typing import Any

from app.accounts.quick_switcher import show_quick_switcher
from app.accounts.undo import take_back
from app.chat.pages import attachments as attachment_pages
from app.chat.pages import choices as choice_pages
from app.chat.pages import discussions as discussion_pages
from app.chat.pages import incoming as incoming_pages
from app.chat.pages import marks as mark_pages
from app.chat.pages import memberships as membership_pages
from app.chat.pages import messages as message_pages
from app.chat.pages import room_lists as room_list_pages
from app.chat.pages import rooms as room_pages
from app.chat.pages import search as search_pages
from app.gateway.pages import app_deliveries, app_pictures
from app.gateway.pages import apps as app_pages
from app.guide.pages import help as help_pages
from app.notifications.pages import announcements as announcement_pages
from app.notifications.pages import inbox as inbox_pages
from app.notifications.pages import preferences as preference_pages
from app.operators.pages import workspaces as operator_pages
from app.programs.endpoints.every import PROGRAM_ENDPOINTS
from app.programs.pages import reference as reference_pages
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
from app.tenants.pages import account as account_pages
from app.tenants.pages import audit as audit_pages
from app.tenants.pages import audit_export as audit_export_pages
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
from app.webhooks.pages import deliveries as delivery_pages
from app.webhooks.pages import webhooks as webhook_pages

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
    audit_export_pages,
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
    room_list_pages,
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
