"""What a person can do on a page, a program can do with a token: each page that writes has its call, or a reason."""

from __future__ import annotations

from litestar.routes import HTTPRoute

from tests.test_isolation import list_routes, make_application

# What is changed without saying in which state it was seen, as nobody else changes it.
ONES_OWN = {
    "change_membership": "one's own place in a room",
    "change_new_draft": "what one has typed oneself",
    "change_profile": "one's own name",
    "change_wishes": "what one is told oneself",
    "renew_record_lock": "the header Lock says which one",
}
COLLECTION, RECORD, ROOM = (
    "/collections/{slug:str}",
    "/collections/{slug:str}/records/{number:int}",
    "/rooms/{slug:str}",
)
PERSON, ANNOUNCEMENT = "/members/{member_id:int}", "/announcements/{announcement_id:int}"
FIELD, INVITATION = f"{COLLECTION}/fields/{{key:str}}", "/invitations/{invitation_id:int}"
MESSAGE = f"{ROOM}/messages/{{message:int}}"
# What a page writes, and the call that does it.
CALLS = {
    "/account/name": "PATCH /profile",
    "/account/picture": "POST /profile/picture",
    "/account/picture/remove": "DELETE /profile/picture",
    "/account/time-zone": "PATCH /notifications/preferences",
    "/announcements": "POST /announcements",
    "/announcements/{announcement_id:int}/acknowledge": f"POST {ANNOUNCEMENT}/acknowledge",
    "/announcements/{announcement_id:int}/withdraw": f"DELETE {ANNOUNCEMENT}",
    "/c/{slug:str}/archive": f"POST {COLLECTION}/archive",
    "/c/{slug:str}/bin/restore": f"POST {RECORD}/restore",
    "/c/{slug:str}/delete": f"POST {COLLECTION}/records/changes",
    "/c/{slug:str}/fields": f"POST {COLLECTION}/fields",
    "/c/{slug:str}/fields/{key:str}": f"PATCH {FIELD}",
    "/c/{slug:str}/fields/{key:str}/fill": f"POST {FIELD}/fill",
    "/c/{slug:str}/fields/{key:str}/kind": f"POST {FIELD}/kind",
    "/c/{slug:str}/fields/{key:str}/restore": f"POST {FIELD}/restore",
    "/c/{slug:str}/files/{key:str}": f"POST {COLLECTION}/files",
    "/c/{slug:str}/guests": f"POST {COLLECTION}/guests",
    "/c/{slug:str}/guests/remove": f"DELETE {COLLECTION}/guests/{{member_id:int}}",
    "/c/{slug:str}/import": f"POST {COLLECTION}/import",
    "/c/{slug:str}/import/file": f"POST {COLLECTION}/import/preview",
    "/c/{slug:str}/new": f"POST {COLLECTION}/records",
    "/c/{slug:str}/new/draft": f"PATCH {COLLECTION}/draft",
    "/c/{slug:str}/new/draft/discard": f"DELETE {COLLECTION}/draft",
    "/c/{slug:str}/permissions": f"PATCH {COLLECTION}/permissions",
    "/c/{slug:str}/remove": f"DELETE {COLLECTION}",
    "/c/{slug:str}/rename": f"PATCH {COLLECTION}",
    "/c/{slug:str}/restore": f"POST {COLLECTION}/restore",
    "/c/{slug:str}/{number:int}/delete": f"DELETE {RECORD}",
    "/c/{slug:str}/{number:int}/draft": f"PATCH {RECORD}/draft",
    "/c/{slug:str}/{number:int}/draft/discard": f"DELETE {RECORD}/draft",
    "/c/{slug:str}/{number:int}/draft/restore": f"PATCH {RECORD}/draft",
    "/c/{slug:str}/{number:int}/edit": f"PATCH {RECORD}",
    "/c/{slug:str}/{number:int}/lock/ask": f"POST {RECORD}/lock",
    "/c/{slug:str}/{number:int}/lock/hand-over": f"POST {RECORD}/lock/hand-over",
    "/c/{slug:str}/{number:int}/lock/keep": f"POST {RECORD}/lock/keep",
    "/c/{slug:str}/{number:int}/lock/release": f"DELETE {RECORD}/lock",
    "/c/{slug:str}/{number:int}/lock/renew": f"PATCH {RECORD}/lock",
    "/c/{slug:str}/{number:int}/lock/take-over": f"POST {RECORD}/lock/take-over",
    "/c/{slug:str}/{number:int}/queue/leave": f"DELETE {RECORD}/lock",
    "/c/{slug:str}/{number:int}/queue/stay": f"PATCH {RECORD}/lock",
    "/c/{slug:str}/{number:int}/restore": f"POST {RECORD}/restore",
    "/c/{slug:str}/{number:int}/revisions/{version:int}/restore": f"POST {RECORD}/revisions/{{version:int}}/restore",
    "/chat/direct": "POST /rooms/direct",
    "/chat/new": "POST /rooms",
    "/chat/{slug:str}": f"POST {ROOM}/messages",
    "/chat/{slug:str}/about": f"PATCH {ROOM}",
    "/chat/{slug:str}/archive": f"POST {ROOM}/archive",
    "/chat/{slug:str}/files": f"POST {ROOM}/files",
    "/chat/{slug:str}/invite": f"POST {ROOM}/members",
    "/chat/{slug:str}/join": f"POST {ROOM}/membership",
    "/chat/{slug:str}/leave": f"DELETE {ROOM}/membership",
    "/chat/{slug:str}/messages/{number:int}/delete": f"DELETE {MESSAGE}",
    "/chat/{slug:str}/messages/{number:int}/edit": f"PATCH {MESSAGE}",
    "/chat/{slug:str}/messages/{number:int}/pin": f"POST {MESSAGE}/pin",
    "/chat/{slug:str}/messages/{number:int}/react": f"POST {MESSAGE}/reactions",
    "/chat/{slug:str}/messages/{number:int}/save": f"POST {MESSAGE}/saved",
    "/chat/{slug:str}/messages/{number:int}/unread": f"POST {MESSAGE}/unread",
    "/chat/{slug:str}/notify": f"PATCH {ROOM}/membership",
    "/chat/{slug:str}/read": f"PATCH {ROOM}/membership",
    "/chat/{slug:str}/remove": f"DELETE {ROOM}/members/{{member_id:int}}",
    "/chat/{slug:str}/typing": f"POST {ROOM}/typing",
    "/collections/new": "POST /collections",
    "/discussion/{subject:str}": f"POST {RECORD}/discussion/messages",
    "/discussion/{subject:str}/files": f"POST {RECORD}/discussion/files",
    "/discussion/{subject:str}/typing": f"POST {ROOM}/typing",
    "/files/hold": f"POST {ROOM}/messages",
    "/files/take-out": "DELETE /files/{file_id:int}",
    "/files/{file_id:int}/take-out": "DELETE /files/{file_id:int}",
    "/follow/{subject:str}": "POST /notifications/following",
    "/members/invitations": "POST /invitations",
    "/members/invitations/{invitation_id:int}/resend": f"POST {INVITATION}/renew",
    "/members/invitations/{invitation_id:int}/revoke": f"DELETE {INVITATION}",
    "/members/links": "POST /invitations/links",
    "/members/{member_id:int}/owner": f"POST {PERSON}/owner",
    "/members/{member_id:int}/remove": f"DELETE {PERSON}",
    "/members/{member_id:int}/restore": f"POST {PERSON}/restore",
    "/members/{member_id:int}/role": f"PATCH {PERSON}",
    "/members/{member_id:int}/suspend": f"POST {PERSON}/suspend",
    "/notifications/mute": "POST /notifications/mutes",
    "/notifications/mute-kind": "PATCH /notifications/preferences",
    "/notifications/preferences": "PATCH /notifications/preferences",
    "/notifications/read": "POST /notifications/read",
    "/notifications/read-all": "POST /notifications/read",
    "/notifications/unmute": "DELETE /notifications/mutes/{subject:str}",
    "/settings": "PATCH /settings",
    "/settings/logo": "POST /settings/logo",
    "/settings/logo/remove": "DELETE /settings/logo",
    "/settings/security": "PATCH /settings",
    "/settings/tokens/{token_id:int}/end": "DELETE /tokens/{token_id:int}",
    "/unfollow/{subject:str}": "DELETE /notifications/following/{subject:str}",
}
SIGN_IN = "signing in and out, and what is to do with it, is a browser's"
FORM = "it is of a form in a browser, or of a view that is chosen there"
CREDENTIAL = "it makes or looks after what lets others in or sends things out; that takes the password again"
# What a page writes, and why there is no call for it. docs/api.md says so, too.
NO_CALLS = {
    "/account/confirm-mail": SIGN_IN,
    "/account/leave": CREDENTIAL,
    "/account/password": CREDENTIAL,
    "/account/sessions/end-others": SIGN_IN,
    "/account/sessions/{session_id:int}/end": SIGN_IN,
    "/account/tokens": CREDENTIAL,
    "/account/tokens/{token_id:int}/end": CREDENTIAL,
    "/c/{slug:str}/columns": FORM,
    "/c/{slug:str}/pin": FORM,
    "/c/{slug:str}/preview/{key:str}": FORM,
    "/chat/{slug:str}/draft": FORM,
    "/chat/{slug:str}/draft/discard": FORM,
    "/chat/{slug:str}/incoming": CREDENTIAL,
    "/confirm": SIGN_IN,
    "/discussion/{subject:str}/draft": FORM,
    "/discussion/{subject:str}/draft/discard": FORM,
    "/enter": SIGN_IN,
    "/forgotten": SIGN_IN,
    "/incoming-addresses/{address_id:int}/end": CREDENTIAL,
    "/join": SIGN_IN,
    "/login": SIGN_IN,
    "/logout": SIGN_IN,
    "/password": SIGN_IN,
    "/undo/{undo_id:int}": FORM,
    "/unsubscribe": SIGN_IN,
}
# Parts of the settings of which all that is written has the same reason.
NO_CALLS_BELOW = {"/settings/apps": CREDENTIAL, "/settings/webhooks": CREDENTIAL}


def list_program_calls() -> set[str]:
    return {
        f"{method} {route.path.removeprefix('/api/v1')}"
        for route in make_application().sites.programs.endpoints.routes
        if isinstance(route, HTTPRoute)
        for handler in route.route_handlers
        for method in handler.http_methods
    }


def test_each_page_that_writes_has_its_call_or_a_reason() -> None:
    writing = {
        route.path for route in list_routes() if isinstance(route, HTTPRoute) and {"POST", "PUT"} & set(route.methods)
    }
    left = {path for path in writing if not path.startswith(tuple(NO_CALLS_BELOW))}
    assert not CALLS.keys() & NO_CALLS.keys()
    assert left == CALLS.keys() | NO_CALLS.keys(), "say in CALLS which call does it, or in NO_CALLS why there is none"
    assert {*CALLS.values()} <= list_program_calls()


def test_nobody_changes_what_they_have_not_seen() -> None:
    changing = {
        handler.fn.__name__: "if_match" in handler.parsed_fn_signature.parameters
        for route in make_application().sites.programs.endpoints.routes
        if isinstance(route, HTTPRoute)
        for handler in route.route_handlers
        if "PATCH" in handler.http_methods
    }
    assert len(changing) > 10
    assert {name for name, asks in changing.items() if not asks} == ONES_OWN.keys()
