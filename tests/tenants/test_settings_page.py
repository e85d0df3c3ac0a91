"""The settings of a workspace."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, aclosing

import httpx
import pytest

from app.web.colors import WORKSPACE_COLORS
from app.web.texts import translations
from tests.conftest import Server

SignIn = Callable[[str], Awaitable[httpx.AsyncClient]]


@pytest.fixture
async def sign_in(shared_server: Server) -> AsyncIterator[SignIn]:
    """Sign people in: `await sign_in("ana@acme.test")`."""
    async with AsyncExitStack() as stack:

        async def enter(email: str) -> httpx.AsyncClient:
            return await stack.enter_async_context(aclosing(shared_server.let_in("acme", email)))

        yield enter


@pytest.fixture
async def people(sign_in: SignIn) -> dict[str, httpx.AsyncClient]:
    """People of acme who are signed in, by name."""
    return {name: await sign_in(f"{name}@acme.test") for name in ("ana", "carla")}


def list_tabs(page: str) -> list[tuple[str, bool]]:
    """The tabs of a page's shell: what each is called, and whether it is the one of the page."""
    shell = re.search(r'<nav class="shell-tabs".*?</nav>', page, re.DOTALL)
    found = re.findall(r"<a ([^>]*)>.*?</svg> ([^<]+)</a>", shell[0] if shell else "", re.DOTALL)
    return [(label.strip(), "aria-current" in attributes) for attributes, label in found]


async def test_another_language_shows_in_every_page_at_once(sign_in: SignIn) -> None:
    ana, carla = await sign_in("ana@acme.test"), await sign_in("carla@acme.test")
    say = translations("pt_BR").gettext
    assert say("Search") != "Search", "the Portuguese texts are missing"
    saved = await ana.post("/settings", data={"name": "Biblioteca da Acme", "language": "pt_BR", "session_days": "30"})
    assert (saved.status_code, saved.headers["location"]) == (303, "/settings?done=settings")
    settings = await ana.get("/settings?done=settings")
    assert say("Settings saved.") in settings.text
    page = await carla.get("/c/books")
    assert '<html lang="pt-BR"' in page.text
    assert say("Search") in page.text
    assert "Biblioteca da Acme" in page.text
    missing = await carla.get("/c/nothing")
    assert missing.status_code == 404
    assert html.escape(say("Page not found")) in missing.text
    for early in (
        await carla.get("/foo"),
        await carla.get("/members/abc"),
        await carla.post("/c/books"),
        await carla.post("/login", content=b"x" * 100_000),
    ):
        assert early.status_code in (404, 405, 413)
        assert '<html lang="pt-BR"' in early.text, "an error that comes before the workspace was read"
    back = await ana.post("/settings", data={"name": "Biblioteca Acme", "language": "en", "session_days": "30"})
    assert back.status_code == 303
    assert "Search" in (await carla.get("/c/books")).text


async def test_an_error_is_in_the_language_of_the_workspace_and_where_there_is_none_in_the_browsers(
    shared_server: Server,
) -> None:
    portuguese = {"accept-language": "pt-BR,pt;q=0.9"}
    for slug, path, language in (
        *(("globex", "/foo", "en"), ("globex", "/members/abc", "en"), ("nobodys", "/foo", "pt-BR")),
        *(("nobodys", "/login", "pt-BR"), ("", "/foo", "pt-BR")),
    ):
        async with shared_server.client(slug, **portuguese) as browser:
            answer = await browser.get(path)
        assert answer.status_code == 404
        assert f'<html lang="{language}"' in answer.text, (slug, path)
    async with shared_server.client("globex", **portuguese, **{"sec-fetch-site": "cross-site"}) as elsewhere:
        refused = await elsewhere.post("/login")
    assert (refused.status_code, '<html lang="en"' in refused.text) == (403, True), "the gate remembers the workspace"


async def test_a_member_may_neither_see_nor_change_the_settings(sign_in: SignIn) -> None:
    ana, carla = await sign_in("ana@acme.test"), await sign_in("carla@acme.test")
    assert (await carla.get("/settings")).status_code == 403
    refused = await carla.post("/settings", data={"name": "Carla's", "language": "pt_BR", "session_days": "30"})
    assert refused.status_code == 403
    assert "Only admins of this workspace can do this." in refused.text
    assert "Biblioteca Acme" in (await ana.get("/settings")).text


async def test_an_admin_who_is_not_the_owner_may_change_them(sign_in: SignIn) -> None:
    bruno = await sign_in("bruno@acme.test")
    answer = await bruno.post("/settings", data={"name": "Biblioteca Acme", "language": "en", "session_days": "30"})
    assert answer.status_code == 303


@pytest.mark.parametrize("days", ["", "8", "1e9"])
async def test_a_length_of_sessions_that_is_not_offered_is_refused(sign_in: SignIn, days: str) -> None:
    ana = await sign_in("ana@acme.test")
    answer = await ana.post("/settings/security", data={"session_days": days})
    assert answer.status_code == 422
    assert "Choose one of these." in answer.text


async def test_how_long_people_stay_signed_in_is_chosen_apart_from_the_name(sign_in: SignIn) -> None:
    ana = await sign_in("ana@acme.test")
    saved = await ana.post("/settings/security", data={"session_days": "90"})
    assert (saved.status_code, saved.headers["location"]) == (303, "/settings/security?done=settings")
    assert '<option value="90" selected>' in (await ana.get("/settings/security")).text
    await ana.post("/settings", data={"name": "Biblioteca Acme", "language": "en"})
    assert '<option value="90" selected>' in (await ana.get("/settings/security")).text, "saving the name leaves it"
    await ana.post("/settings/security", data={"session_days": "30"})


async def test_settings_and_account_are_one_shell_each(people: dict[str, httpx.AsyncClient]) -> None:
    settings = ["General", "People", "Collections", "Apps", "Webhooks", "Security", "Audit log"]
    paths = (
        "/settings",
        "/members",
        "/settings/collections",
        "/settings/apps",
        "/settings/webhooks",
        "/settings/security",
        "/audit",
    )
    for place, path in enumerate(paths):
        tabs = list_tabs((await people["ana"].get(path)).text)
        assert [label for label, _ in tabs] == settings
        assert [is_open for _, is_open in tabs] == [each == place for each in range(len(settings))], path
    account = ["Profile", "Notifications", "Security", "Tokens"]
    for place, path in enumerate(("/account", "/notifications/preferences", "/account/security", "/account/tokens")):
        tabs = list_tabs((await people["carla"].get(path)).text)
        assert [label for label, _ in tabs] == account
        assert [is_open for _, is_open in tabs] == [each == place for each in range(len(account))], path


async def test_a_member_finds_people_without_tabs_that_they_may_not_open(people: dict[str, httpx.AsyncClient]) -> None:
    page = await people["carla"].get("/members")
    assert page.status_code == 200
    assert list_tabs(page.text) == []
    assert (await people["carla"].get("/settings/security")).status_code == 403
    assert (await people["carla"].get("/settings/collections")).status_code == 403


async def test_addresses_of_before_still_lead_to_what_they_led_to(people: dict[str, httpx.AsyncClient]) -> None:
    page = (await people["ana"].get("/settings/tokens")).text
    assert "All tokens" in page
    assert ("Security", True) in list_tabs(page)


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ({"name": " ", "language": "en"}, "This can&#39;t be empty."),
        ({"name": "x" * 81, "language": "en"}, "At most 80 characters."),
        ({"name": "Typed & kept", "language": "xx"}, "Choose one of the languages."),
        ({"name": "Typed & kept", "language": "en", "locale": "xx_XX"}, "Choose one of these."),
        ({}, "This can&#39;t be empty."),
    ],
)
async def test_settings_that_can_not_be_are_refused_and_kept_in_the_form(
    sign_in: SignIn, typed: dict[str, str], reason: str
) -> None:
    ana = await sign_in("ana@acme.test")
    answer = await ana.post("/settings", data=typed)
    assert answer.status_code == 422
    assert reason in answer.text
    assert f'value="{html.escape(typed.get("name", ""))}"' in answer.text
    assert "Biblioteca Acme" in (await ana.get("/")).text


@pytest.mark.parametrize(("path", "field"), [("/account/picture", "Your picture"), ("/settings/logo", "Picture")])
@pytest.mark.parametrize("size", [100, 18_000_000])
async def test_a_picture_that_is_refused_is_said_in_its_own_form_and_nothing_is_said_to_be_kept(
    sign_in: SignIn, path: str, field: str, size: int
) -> None:
    ana = await sign_in("ana@acme.test")
    refused = await ana.post(path, files={"picture": ("holiday.png", b"x" * size, "image/png")})
    assert refused.status_code == 422
    form = refused.text.partition(f'action="{path}?for-member=')[2].partition("</form>")[0]
    assert "up to 8 MB" in form or "Choose a picture" in form, "beside the field"
    assert "Fix 1 field below." in form
    assert "Nothing you typed is lost." not in form
    assert refused.text.count(" autofocus>") == 1, "the summary has the focus"


async def test_what_the_form_of_the_password_lacks_is_said_in_that_form(sign_in: SignIn) -> None:
    ana = await sign_in("ana@acme.test")
    refused = await ana.post("/account/password", data={"password": "not hers", "new_password": "long enough"})
    form = refused.text.partition('action="/account/password"')[2].partition("</form>")[0]
    assert (refused.status_code, "Fix 1 field below." in form) == (422, True)
    assert refused.text.count("field below") == 1
    assert "Nothing you typed is lost." not in form, "passwords are typed anew"


async def test_admins_read_no_names_of_private_rooms_that_tokens_of_others_are_narrowed_to(
    people: dict[str, httpx.AsyncClient],
) -> None:
    ana, carla = people["ana"], people["carla"]
    assert (await carla.post("/chat/new", data={"name": "Surprise party", "private": "yes"})).status_code == 303
    said = {"name": "party", "scopes": "chat:read", "rooms": "surprise-party, general", "ends": "30"}
    assert "Surprise party" in (await carla.post("/account/tokens", data=said)).text
    listed = (await ana.get("/settings/tokens")).text
    assert "only in general, a private room" in listed
    assert "Surprise" not in listed


async def test_a_color_is_that_of_every_page_and_only_one_of_those_there_are_is_taken(
    shared_server: Server, people: dict[str, httpx.AsyncClient]
) -> None:
    ana, carla = people["ana"], people["carla"]
    before = (await carla.get("/pictures.css")).text
    assert "--accent" not in before
    settings = {"name": "Biblioteca Acme", "language": "en"}
    address = re.findall(r"/pictures\.css\?v=\d+", (await carla.get("/c/books")).text)
    refused = await ana.post("/settings", data={**settings, "color": "#ff0000"})
    assert refused.status_code == 422
    assert "Choose one of these." in refused.text
    assert (await ana.post("/settings", data={**settings, "color": "violet"})).status_code == 303
    assert f"--accent: light-dark({WORKSPACE_COLORS['violet'].light}, " in (await carla.get("/pictures.css")).text
    assert re.findall(r"/pictures\.css\?v=\d+", (await carla.get("/c/books")).text) != address
    async with shared_server.client("acme") as nobody:
        for path in ("/login", "/join?token=none", "/forgotten", "/no-such-page"):
            page = (await nobody.get(path)).text
            assert '<html lang="en" data-live="off" data-accent="violet">' in page, path
            assert "css/pages/accents.css" in page, path
    assert '<input type="radio" name="color" value="violet" checked>' in (await ana.get("/settings")).text
    said = re.sub("<[^>]+>", "", (await ana.get("/audit")).text)
    assert "Green → Violet" in said
    assert (await ana.post("/settings", data=settings)).status_code == 303  # a page of before says no color
    assert "--accent" in (await carla.get("/pictures.css")).text
    assert (await ana.post("/settings", data={**settings, "color": "green"})).status_code == 303
    assert (await carla.get("/pictures.css")).text == before
