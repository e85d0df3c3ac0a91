"""Signing in and out, passwords and sessions, as a browser does it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, aclosing
from email import message_from_bytes, policy
from pathlib import Path

import httpx
import pytest

from app.demo import PASSWORD
from tests.conftest import Server
from tests.waiting import until

NEW_PASSWORD = "a long and new password"
SignIn = Callable[..., Awaitable[httpx.AsyncClient]]


@pytest.fixture
async def sign_in(shared_server: Server) -> AsyncIterator[SignIn]:
    """Sign people in: `await sign_in("ana@acme.test")`."""
    async with AsyncExitStack() as stack:

        async def enter(email: str, password: str = PASSWORD) -> httpx.AsyncClient:
            client = await shared_server.sign_in("acme", email, password)
            return await stack.enter_async_context(aclosing(client))

        yield enter


@pytest.fixture
async def visitor(shared_server: Server) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody who is not signed in; cookies are sent only where a test says so."""
    async with shared_server.client("acme") as client:
        yield client


def cookie_of(answer: httpx.Response) -> str:
    return answer.headers["set-cookie"].partition(";")[0]


async def is_signed_in(client: httpx.AsyncClient) -> bool:
    answer = await client.get("/account")
    assert answer.status_code in (200, 303)
    assert answer.status_code == 200 or answer.headers["location"].startswith("/login")
    return answer.status_code == 200


async def test_who_is_at_the_wrong_workspace_finds_their_own(shared_server: Server, visitor: httpx.AsyncClient) -> None:
    find = f'href="{shared_server.url("", "/find")}"'
    refused = await visitor.post("/login", data={"email": "gil@globex.test", "password": PASSWORD})
    for page in (await visitor.get("/login"), refused):
        assert find in page.text
    async with shared_server.client("") as operator:
        assert 'href="/find"' in (await operator.get("/operator/login")).text


async def test_signing_in_leads_to_the_start_with_a_safe_cookie(visitor: httpx.AsyncClient) -> None:
    answer = await visitor.post("/login", data={"email": "ana@acme.test", "password": PASSWORD})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    attributes = {part.strip().lower() for part in answer.headers["set-cookie"].split(";")[1:]}
    assert {"httponly", "samesite=lax", "path=/"} <= attributes
    assert not any(attribute.startswith("domain") for attribute in attributes)
    home = await visitor.get("/", headers={"cookie": cookie_of(answer)})
    assert home.status_code == 200
    assert "ana@acme.test" in home.text


async def test_the_address_may_be_typed_in_any_case_and_with_spaces(visitor: httpx.AsyncClient) -> None:
    answer = await visitor.post("/login", data={"email": " Ana@ACME.test ", "password": PASSWORD})
    assert answer.status_code == 303


async def test_each_signing_in_gives_a_new_session_and_ends_the_one_the_browser_had(sign_in: SignIn) -> None:
    client = await sign_in("ana@acme.test")
    before = client.headers["cookie"]
    answer = await client.post("/login", data={"email": "ana@acme.test", "password": PASSWORD})
    assert cookie_of(answer) != before
    assert not await is_signed_in(client)
    client.headers["cookie"] = cookie_of(answer)
    assert await is_signed_in(client)


async def test_a_session_that_the_browser_made_up_is_never_taken_over(visitor: httpx.AsyncClient) -> None:
    planted = {"cookie": "session=chosen-by-somebody-else"}
    answer = await visitor.post("/login", data={"email": "ana@acme.test", "password": PASSWORD}, headers=planted)
    assert "chosen-by-somebody-else" not in answer.headers["set-cookie"]
    assert (await visitor.get("/account", headers=planted)).status_code == 303


async def test_a_wrong_password_keeps_the_address_that_was_typed(visitor: httpx.AsyncClient) -> None:
    answer = await visitor.post("/login", data={"email": "ana@acme.test", "password": "not her password"})
    assert answer.status_code == 422
    assert 'value="ana@acme.test"' in answer.text
    assert "Wrong email address or password." in answer.text
    assert "not her password" not in answer.text
    assert "set-cookie" not in answer.headers


async def test_an_unknown_address_gets_the_same_answer_as_a_wrong_password(visitor: httpx.AsyncClient) -> None:
    known = await visitor.post("/login", data={"email": "ana@acme.test", "password": "wrong password"})
    unknown = await visitor.post("/login", data={"email": "eva@acme.test", "password": "wrong password"})
    elsewhere = await visitor.post("/login", data={"email": "gil@globex.test", "password": PASSWORD})
    assert known.status_code == unknown.status_code == elsewhere.status_code == 422
    assert unknown.text == known.text.replace("ana@acme.test", "eva@acme.test")
    assert elsewhere.text == known.text.replace("ana@acme.test", "gil@globex.test")


@pytest.mark.parametrize("typed", [{}, {"email": "", "password": ""}, {"email": "x" * 5000, "password": "y" * 5000}])
async def test_a_form_without_sense_is_a_wrong_password(visitor: httpx.AsyncClient, typed: dict[str, str]) -> None:
    assert (await visitor.post("/login", data=typed)).status_code == 422


async def test_ten_wrong_passwords_close_the_account_to_that_address_alone(
    visitor: httpx.AsyncClient, sign_in: SignIn
) -> None:
    wrong = {"email": "davi@acme.test", "password": "wrong password"}
    assert {(await visitor.post("/login", data=wrong)).status_code for _ in range(10)} == {422}
    refused = await visitor.post("/login", data={"email": "davi@acme.test", "password": PASSWORD})
    assert refused.status_code == 429
    assert re.search(r"Wait \d+ (minutes?|seconds?), then try again", refused.text)
    assert 0 < int(refused.headers["retry-after"]) <= 15 * 60
    assert await is_signed_in(await sign_in("ana@acme.test"))


async def test_no_page_waits_for_passwords_that_are_looked_at(server: Server) -> None:
    async with server.client("acme") as visitor:
        tries = [
            asyncio.create_task(visitor.post("/login", data={"email": f"nobody{number}@acme.test", "password": "x"}))
            for number in range(60)
        ]
        await asyncio.wait(tries, return_when=asyncio.FIRST_COMPLETED)
        assert (await visitor.get("/forgotten")).status_code == 200
        assert sum(each.done() for each in tries) < 40
        assert {answer.status_code for answer in await asyncio.gather(*tries)} == {422}


async def test_signing_in_leads_back_to_the_page_that_was_asked_for(visitor: httpx.AsyncClient) -> None:
    asked = await visitor.get("/c/books", params={"q": "de assis", "sort": "title"})
    assert asked.status_code == 303
    page = await visitor.get(asked.headers["location"])
    wanted = re.search(r'name="next" value="([^"]*)"', page.text)
    assert wanted
    typed = {"email": "ana@acme.test", "password": PASSWORD, "next": wanted[1].replace("&amp;", "&")}
    answer = await visitor.post("/login", data=typed)
    assert answer.headers["location"] == "/c/books?q=de+assis&sort=title"


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.test/",
        "//evil.test/",
        "///evil.test/",
        "/\\evil.test/",
        "\\\\evil.test/",
        "/\t/evil.test/",
        "/\n/evil.test",
        "http:evil.test",
        "http:///evil.test",
        "javascript:alert(1)",
        "http://ana@evil.test/",
        "http://globex.hero.localhost/",
        "http://[",
        "//[::1",
        "/..//evil.test/",
        "./\\/evil.test",
        "/c/b\u00fccher/\u20ac",
        "\u2028//evil.test",
    ],
)
async def test_next_never_leads_away(sign_in: SignIn, wanted: str) -> None:
    client = await sign_in("ana@acme.test")
    answer = await client.get("/login", params={"next": wanted})
    location = answer.headers["location"]
    assert answer.status_code == 303
    assert re.fullmatch(r"/([^/\\\s][!-~]*)?", location), location
    assert "\\" not in location


async def test_signing_out_ends_the_session(sign_in: SignIn) -> None:
    client = await sign_in("ana@acme.test")
    answer = await client.post("/logout")
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?why=out")
    assert cookie_of(answer).rstrip('"') in ("session=", 'session="')
    assert not await is_signed_in(client)
    assert "You have signed out." in (await client.get("/login?why=out")).text


async def test_who_opens_the_address_of_signing_out_is_asked_first(sign_in: SignIn, visitor: httpx.AsyncClient) -> None:
    client = await sign_in("ana@acme.test")
    page = await client.get("/logout", headers={"sec-fetch-mode": "navigate"})
    assert page.status_code == 200
    assert "Sign out of this workspace?" in page.text
    assert await is_signed_in(client)
    out = await visitor.get("/logout")
    assert (out.status_code, out.headers["location"]) == (303, "/login")


async def test_a_new_password_ends_all_other_sessions(sign_in: SignIn, visitor: httpx.AsyncClient) -> None:
    here, elsewhere = await sign_in("carla@acme.test"), await sign_in("carla@acme.test")
    answer = await here.post("/account/password", data={"password": PASSWORD, "new_password": NEW_PASSWORD})
    assert (answer.status_code, answer.headers["location"]) == (303, "/account/security?done=password")
    assert not await is_signed_in(elsewhere)
    assert not await is_signed_in(here)
    here.headers["cookie"] = cookie_of(answer)
    assert await is_signed_in(here)
    old = await visitor.post("/login", data={"email": "carla@acme.test", "password": PASSWORD})
    assert old.status_code == 422
    await sign_in("carla@acme.test", NEW_PASSWORD)
    back = await here.post("/account/password", data={"password": NEW_PASSWORD, "new_password": PASSWORD})
    assert back.status_code == 303


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ({"password": "not hers", "new_password": NEW_PASSWORD}, "Wrong password."),
        ({"password": PASSWORD, "new_password": "tiny one"}, "At least 10 characters."),
        ({"password": PASSWORD, "new_password": "x" * 201}, "At most 200 characters."),
        ({}, "At least 10 characters."),
    ],
)
async def test_a_password_that_can_not_be_changed_says_why(sign_in: SignIn, typed: dict[str, str], reason: str) -> None:
    client = await sign_in("ana@acme.test")
    answer = await client.post("/account/password", data=typed)
    assert answer.status_code == 422
    assert reason in answer.text
    assert all(value not in answer.text for value in typed.values())
    assert await is_signed_in(client)


def read_outbox(outbox: Path) -> list[tuple[str, str]]:
    """To whom the kept mails are, and their texts, the newest first."""
    paths = sorted(outbox.glob("*.eml"), reverse=True)
    mails = [message_from_bytes(path.read_bytes(), policy=policy.default) for path in paths]
    bodies = [mail.get_body(("plain",)) for mail in mails]
    return [(str(mail["to"]), body.get_content() if body else "") for mail, body in zip(mails, bodies, strict=True)]


async def find_mail(outbox: Path, wanted: str, count: int = 1) -> str:
    """The text of the newest mail with a link to somebody, as soon as there are so many."""
    async with asyncio.timeout(10):
        while True:
            found = [text for receiver, text in read_outbox(outbox) if receiver == wanted and "?token=" in text]
            if len(found) >= count:
                return found[0]
            await asyncio.sleep(0.02)


async def test_a_forgotten_password_is_set_anew_by_a_mailed_link_that_works_once(
    shared_server: Server, sign_in: SignIn, visitor: httpx.AsyncClient
) -> None:
    before = await sign_in("bruno@acme.test")
    asked = await visitor.post("/forgotten", data={"email": "Bruno@acme.test"})
    assert (asked.status_code, asked.headers["location"]) == (303, "/login?why=mailed")
    text = await find_mail(shared_server.data_dir / "outbox", "bruno@acme.test")
    link = re.search(r"(http://\S+)/password\?token=(\S+)", text)
    assert link
    assert link[1] == f"http://{shared_server.host('acme')}"
    page = await visitor.get("/password", params={"token": link[2]})
    assert page.status_code == 200
    assert link[2] in page.text

    short = await visitor.post("/password", data={"token": link[2], "password": "short"})
    assert short.status_code == 422
    assert link[2] in short.text
    assert await is_signed_in(before)

    done = await visitor.post("/password", data={"token": link[2], "password": NEW_PASSWORD})
    assert (done.status_code, done.headers["location"]) == (303, "/")
    assert (await visitor.get("/account", headers={"cookie": cookie_of(done)})).status_code == 200
    assert not await is_signed_in(before)

    again = await visitor.post("/password", data={"token": link[2], "password": "another password"})
    assert (again.status_code, again.headers["location"]) == (303, "/login?why=used")
    assert "set-cookie" not in again.headers
    opened = await visitor.get("/password", params={"token": link[2]})
    assert opened.headers["location"] == "/login?why=used"
    await sign_in("bruno@acme.test", NEW_PASSWORD)


async def test_only_the_newest_link_works(shared_server: Server, visitor: httpx.AsyncClient) -> None:
    outbox = shared_server.data_dir / "outbox"
    await visitor.post("/forgotten", data={"email": "ana@acme.test"})
    first = re.search(r"token=(\S+)", await find_mail(outbox, "ana@acme.test"))
    assert first
    assert (await visitor.get("/password", params={"token": first[1]})).status_code == 200
    await visitor.post("/forgotten", data={"email": "ana@acme.test"})
    await find_mail(outbox, "ana@acme.test", 2)
    answer = await visitor.get("/password", params={"token": first[1]})
    assert answer.headers["location"] == "/login?why=used"


async def test_nobody_learns_whether_an_address_is_known(shared_server: Server, visitor: httpx.AsyncClient) -> None:
    unknown = await visitor.post("/forgotten", data={"email": "eva@acme.test"})
    known = await visitor.post("/forgotten", data={"email": "carla@acme.test"})
    assert unknown.status_code == known.status_code == 303
    assert unknown.headers["location"] == known.headers["location"]
    outbox = shared_server.data_dir / "outbox"
    await find_mail(outbox, "carla@acme.test")
    assert "eva@acme.test" not in dict(read_outbox(outbox))


async def test_an_address_that_is_none_is_refused_and_kept(visitor: httpx.AsyncClient) -> None:
    answer = await visitor.post("/forgotten", data={"email": "bruno at acme"})
    assert answer.status_code == 422
    assert 'value="bruno at acme"' in answer.text


async def session_ids(client: httpx.AsyncClient) -> list[str]:
    """The ids of a member's other sessions, the one seen last first."""
    page = await client.get("/account/security")
    return re.findall(r"/account/sessions/(\d+)/end", page.text)


async def test_sessions_are_listed_and_one_can_be_ended(shared_server: Server, sign_in: SignIn) -> None:
    here, kept = await sign_in("carla@acme.test"), await sign_in("carla@acme.test")
    firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    async with shared_server.client("acme", **{"user-agent": firefox}) as phone:
        answer = await phone.post("/login", data={"email": "carla@acme.test", "password": PASSWORD})
        phone.headers["cookie"] = cookie_of(answer)
        page = await here.get("/account/security")
        assert "Firefox, Linux" in page.text
        assert "this one" in page.text
        assert "127.0.0.1" in page.text
        newest = (await session_ids(here))[0]
        ended = await here.post(f"/account/sessions/{newest}/end")
        assert (ended.status_code, ended.headers["location"]) == (303, "/account/security?done=session")
        assert not await is_signed_in(phone)
    assert await is_signed_in(kept)
    assert await is_signed_in(here)


async def test_a_sign_in_from_a_browser_without_its_cookie_is_told_whatever_it_calls_itself(server: Server) -> None:
    form = {"email": "carla@acme.test", "password": PASSWORD}
    known = ""
    for told, cookies in ((0, ""), (0, "known"), (1, ""), (2, "")):  # the first one of all is not told
        headers = {"cookie": known} if cookies else {}
        async with server.client("acme", **headers) as browser:
            answer = await browser.post("/login", data=form)
            assert answer.status_code == 303
            known = known or "; ".join(each.partition(";")[0] for each in answer.headers.get_list("set-cookie"))
            assert server.store.rows("SELECT count(*) FROM notification WHERE kind = 'sign-in'") == [(told,)]
            browser.headers["cookie"] = cookie_of(answer)
            assert (await browser.post("/logout")).status_code == 303  # so that nobody is signed in at the next
    outbox = server.data_dir / "outbox"
    await until(lambda: sum("Someone signed in to your account" in text for _, text in read_outbox(outbox)) == told)


async def test_all_others_can_be_ended_at_once(sign_in: SignIn) -> None:
    here, first, second = [await sign_in("carla@acme.test") for _ in range(3)]
    ana = await sign_in("ana@acme.test")
    answer = await here.post("/account/sessions/end-others")
    assert (answer.status_code, answer.headers["location"]) == (303, "/account/security?done=sessions")
    assert await session_ids(here) == []
    assert [await is_signed_in(client) for client in (here, first, second, ana)] == [True, False, False, True]


async def test_the_session_of_somebody_else_does_not_exist(shared_server: Server, sign_in: SignIn) -> None:
    ana, other, carla = [await sign_in(email) for email in ("ana@acme.test", "ana@acme.test", "carla@acme.test")]
    theirs = (await session_ids(ana))[0]
    assert (await carla.post(f"/account/sessions/{theirs}/end")).status_code == 404
    async with aclosing(await shared_server.sign_in("globex", "gil@globex.test")) as gil:
        assert (await gil.post(f"/account/sessions/{theirs}/end")).status_code == 404
    assert (await carla.post("/account/sessions/99999999999999999999/end")).status_code == 404
    assert await is_signed_in(ana)
    assert await is_signed_in(other)


async def test_a_name_can_be_changed_and_not_be_empty(sign_in: SignIn) -> None:
    client = await sign_in("ana@acme.test")
    empty = await client.post("/account/name", data={"name": "  "})
    assert empty.status_code == 422
    assert "This can&#39;t be empty." in empty.text
    long = await client.post("/account/name", data={"name": "<b>" * 40})
    assert long.status_code == 422
    assert "&lt;b&gt;" * 40 in long.text
    changed = await client.post("/account/name", data={"name": "Ana <Maria>"})
    assert changed.status_code == 303
    page = await client.get("/account?done=name")
    assert "Ana &lt;Maria&gt;" in page.text
    assert "Name changed." in page.text
