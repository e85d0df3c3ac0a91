"""Every endpoint that programs call, a module for each kind of thing."""

from __future__ import annotations

from app.programs.endpoints import administration as administration_endpoints
from app.programs.endpoints import agents as agent_endpoints
from app.programs.endpoints import audit as audit_endpoints
from app.programs.endpoints import closing as closing_endpoints
from app.programs.endpoints import collections as collection_endpoints
from app.programs.endpoints import discussions as discussion_endpoints
from app.programs.endpoints import drafts as draft_endpoints
from app.programs.endpoints import events as event_endpoints
from app.programs.endpoints import exports as export_endpoints
from app.programs.endpoints import fields as field_endpoints
from app.programs.endpoints import files as file_endpoints
from app.programs.endpoints import histories as history_endpoints
from app.programs.endpoints import imports as import_endpoints
from app.programs.endpoints import invitations as invitation_endpoints
from app.programs.endpoints import kinds as kind_endpoints
from app.programs.endpoints import locks as lock_endpoints
from app.programs.endpoints import many as many_endpoints
from app.programs.endpoints import marks as mark_endpoints
from app.programs.endpoints import memberships as membership_endpoints
from app.programs.endpoints import messages as message_endpoints
from app.programs.endpoints import notices as notice_endpoints
from app.programs.endpoints import people as people_endpoints
from app.programs.endpoints import permissions as permission_endpoints
from app.programs.endpoints import pictures as picture_endpoints
from app.programs.endpoints import profiles as profile_endpoints
from app.programs.endpoints import records as record_endpoints
from app.programs.endpoints import rooms as room_endpoints
from app.programs.endpoints import searches as search_endpoints
from app.programs.endpoints import wishes as wish_endpoints

PROGRAM_ENDPOINTS = (
    collection_endpoints,
    closing_endpoints,
    permission_endpoints,
    field_endpoints,
    kind_endpoints,
    record_endpoints,
    many_endpoints,
    draft_endpoints,
    history_endpoints,
    lock_endpoints,
    room_endpoints,
    membership_endpoints,
    message_endpoints,
    mark_endpoints,
    discussion_endpoints,
    search_endpoints,
    file_endpoints,
    export_endpoints,
    import_endpoints,
    people_endpoints,
    invitation_endpoints,
    notice_endpoints,
    wish_endpoints,
    administration_endpoints,
    profile_endpoints,
    picture_endpoints,
    agent_endpoints,
    audit_endpoints,
    event_endpoints,
)
