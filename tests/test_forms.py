"""Every form of a workspace: empty, too long, of a wrong type, sent twice at once, sent by who may not.

The matrix is made from the program's own routes and field names, so that a new form is covered without thinking of it.
Somebody else's things and another workspace's are in test_isolation.py.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from litestar.routes import HTTPRoute

from app.accounts.sessions import digest
from tests import test_isolation
from tests.conftest import ROOT
from tests.test_isolation import GLOBEX, TARGETS, Target, World, list_routes, name_of

world = test_isolation.world


def query_names(route: HTTPRoute) -> set[str]:
    """The names that the functions of a route read of its address's query."""
    models = [handler.parsed_fn_signature.parameters for handler in route.route_handlers]
    return {name for model in models for name in model if name not in route.path_parameters}


FORMS = [target for target in TARGETS if target.method != "GET"]
PAGES = [target for target in TARGETS if target.method == "GET"]
JOIN, LEAVE = (next(form for form in FORMS if form.path == f"/chat/{{slug:str}}/{verb}") for verb in ("join", "leave"))
# Every name of what an address asks for.
ASKED = sorted({name for route in list_routes() if isinstance(route, HTTPRoute) for name in query_names(route)})
READERS = "|".join(
    pattern.replace("NAME", r'"([\w-]+)"')
    for pattern in (
        r"form(?:\.\w+)?[\[(]\s*NAME",
        r"NAME (?:not )?in form\b",
        r"form\.values(?:\.get\(|\[)NAME",
        r"\(form, NAME",
    )
)
# Every name of a field that any page reads.
FIELDS = sorted(
    {
        name
        for path in (ROOT / "app").rglob("*.py")
        for found in re.findall(READERS, path.read_text())
        for name in found
        if name
    }
)
# What a field may be sent with; lengths so that all fields together are a body that is still read.
VALUES = ["", "x" * 900, "9" * 18, "9" * 19, "-½\r\n<b>\0"]
# What belongs into a field of a name, for a form that is meant; anything else gets "1".
PLAUSIBLE = {
    "reply": "",  # a message or file that is not there is refused, and the member would not join by writing
    "file": "",
    **{
        "name": "Twice",
        "title": "Twice",
        "text": "Twice",
        "label": "Twice",
        "first": "Title",
        "collection_name": "Two",
    },
    **{"email": "twice@example.org", "role": "member", "language": "en", "session_days": "30", "time_zone": "UTC"},
    **{"locale": "de_DE", "color": "blue"},
    "address": "https://hooks.invalid/hook",
    **{"action": "save", "notify": "everything", "emoji": "👍", "until": "9999", "kind": "mention", "mail": "daily"},
    **{"quiet_from": "22:00", "quiet_until": "07:00", "uses": "3", "days": "3", "ends_at": "2999-12-31", "sure": ""},
    **{"password": "wrong", "new_password": "a long enough password", "show": "all", "archived": "", "private": ""},
}
# The forms that are for admins, owners, or whoever made the thing: a member is told so. A new one needs a line here.
NOT_FOR_MEMBERS = {
    *("/members/{member_id:int}/" + verb for verb in ("role", "owner", "suspend", "restore", "remove")),
    *("/members/invitations", "/members/links", "/account/confirm-mail"),
    *("/members/invitations/{invitation_id:int}/" + verb for verb in ("resend", "revoke")),
    *(
        "/settings",
        "/settings/security",
        "/settings/logo",
        "/settings/logo/remove",
        "/settings/tokens/{token_id:int}/end",
    ),
    *("/settings/apps", "/settings/apps/{app_id:int}", "/settings/apps/{app_id:int}/secret"),
    *("/settings/apps/{app_id:int}/secret/drop", "/settings/apps/{app_id:int}/end"),
    *(f"/settings/apps/{{app_id:int}}/{what}" for what in ("webhook", "picture", "picture/remove", "deliveries/again")),
    *("/settings/webhooks", "/settings/webhooks/{webhook_id:int}/secret"),
    *(
        f"/settings/webhooks/{{webhook_id:int}}/{what}"
        for what in ("enable", "disable", "test", "again", "skip", "replay", "remove")
    ),
    *("/chat/{slug:str}/messages/{number:int}/pin", "/chat/{slug:str}/invite"),  # of a room that one is not in
    *("/chat/{slug:str}/incoming", "/incoming-addresses/{address_id:int}/end"),
    *("/collections/new", "/c/{slug:str}/fields", "/c/{slug:str}/rename", "/c/{slug:str}/fields/{key:str}"),
    *("/c/{slug:str}/permissions", "/c/{slug:str}/guests", "/c/{slug:str}/guests/remove"),
    *("/c/{slug:str}/fields/{key:str}/restore", "/c/{slug:str}/fields/{key:str}/kind"),
    "/c/{slug:str}/fields/{key:str}/fill",
    *("/c/{slug:str}/archive", "/c/{slug:str}/remove", "/c/{slug:str}/restore"),
    *("/announcements", "/announcements/{announcement_id:int}/withdraw"),
    *("/chat/{slug:str}/messages/{number:int}/" + verb for verb in ("edit", "delete")),
    *("/chat/{slug:str}/archive", "/chat/{slug:str}/remove"),
}
MEANT = {name: PLAUSIBLE.get(name, "1") for name in FIELDS}
SENT: list[dict[str, Any]] = [
    *({"data": {name: value for name in FIELDS if name != "sure"}} for value in VALUES),
    {"json": {"name": ["of another type"]}},
    {"content": b"name=%ff&text=\xff&=&&", "headers": {"content-type": "application/x-www-form-urlencoded"}},
]
ANSWERS = {200, 204, 303, 400, 403, 404, 409, 410, 413, 422, 429}

all_forms = pytest.mark.parametrize("target", FORMS, ids=name_of)


class Somebody:
    """A person of globex, signed in anew when a form has ended the session."""

    def __init__(self, world: World, email: str) -> None:
        self.world, self.email = world, email
        self.client = world.server.client("globex")

    async def come_in(self) -> None:
        """Come with a new session, unless theirs goes on: a form may have ended it, or suspended the member."""
        token = self.client.headers.get("cookie", "").partition("=")[2]
        server, statement = self.world.server, "SELECT 1 FROM session WHERE token_hash = ?"
        if not server.store.rows(statement, digest(token)):
            await self.client.aclose()
            self.client = server.let_in("globex", self.email)

    async def send(self, target: Target, **sent: Any) -> httpx.Response:
        """Send a form about things of globex; what is refused says why, and nothing is a fault of ours."""
        path = target.fill({name: self.world.values[name][1] for name in target.parameters})
        answer = await self.client.request(target.method, path, **sent)
        assert answer.status_code in ANSWERS, (sent, answer.status_code, answer.text[-600:])
        if answer.status_code in (409, 422) and "<main" in answer.text:
            assert re.search(r'role="alert"|class="error"', answer.text), sent
        if 'data-channels="tenant' in answer.text:
            assert ('data-answer="' in answer.text) == (answer.request.method != "GET"), path
        return answer


@pytest.fixture(scope="module")
async def gil(world: World) -> AsyncIterator[Somebody]:
    """The owner."""
    made = Somebody(world, "gil@globex.test")
    yield made
    await made.client.aclose()


@pytest.fixture(scope="module")
async def hana(world: World) -> AsyncIterator[Somebody]:
    """A member."""
    made = Somebody(world, "hana@globex.test")
    yield made
    await made.client.aclose()


def test_the_matrix_knows_forms_and_fields() -> None:
    assert len(FORMS) > 60
    assert {"email", "quiet_from", "uses", "ends_at", "session_days", "person", "reply", "lock-token"} <= set(FIELDS)
    assert {target.path for target in FORMS} >= NOT_FOR_MEMBERS


@pytest.mark.alike
@all_forms
async def test_a_member_is_refused_what_is_not_for_members(world: World, hana: Somebody, target: Target) -> None:
    for_members = target.path not in NOT_FOR_MEMBERS
    await hana.come_in()
    if target.path.startswith("/chat/{slug:str}/"):  # whatever other forms have done: some are for who is in the room
        await hana.send(JOIN if for_members else LEAVE, data=MEANT)
    before = {} if for_members else world.dump(GLOBEX)
    answer = await hana.send(target, data=MEANT)
    assert (answer.status_code != 403) == for_members, (
        f"{name_of(target)} answered {answer.status_code} to a member: if that is meant, it belongs into "
        f"NOT_FOR_MEMBERS in tests/test_forms.py, or out of it"
    )
    after = {} if for_members else world.dump(GLOBEX)
    assert [table for table in before if after[table] != before[table] and table != "session"] == []


@all_forms
async def test_a_form_that_is_sent_twice_at_once_is_no_fault_of_ours(gil: Somebody, target: Target) -> None:
    await gil.come_in()
    await asyncio.gather(*(gil.send(target, data=MEANT) for _ in range(2)))


@all_forms
async def test_what_was_done_is_still_so_when_its_form_is_sent_again(gil: Somebody, target: Target) -> None:
    await gil.come_in()
    first, again = [await gil.send(target, data=MEANT) for _ in range(2)]
    if first.status_code == 303 and again.status_code == 404:
        assert "It is no longer there" in again.text


@all_forms
async def test_no_value_is_a_fault_of_ours(gil: Somebody, target: Target) -> None:
    for sent in SENT:
        await gil.come_in()
        await gil.send(target, **sent)


@pytest.mark.parametrize("value", ["\0", "a\0b", "\ud800", "\uffff\ufdd0", "9" * 30, "-1", "%_\\"], ids=ascii)
async def test_no_value_in_an_address_is_a_fault_of_ours(gil: Somebody, value: str) -> None:
    await gil.come_in()
    asked = httpx.QueryParams(dict.fromkeys(ASKED, value.encode(errors="surrogatepass").decode(errors="replace")))
    for target in PAGES:
        path = target.fill({name: gil.world.values[name][1] for name in target.parameters})
        answer = await gil.client.get(path, params=asked)
        assert answer.status_code in ANSWERS, (path, answer.status_code, answer.text[-600:])
