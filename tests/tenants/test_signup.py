"""Making a workspace on the central host, and landing in it signed in."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator
from urllib.parse import SplitResult, parse_qs, urlsplit

import httpx
import pytest

from tests.conftest import Server

TYPED = {
    "workspace": "Clínica <Boa> & Vista",
    "slug": "boavista",
    "language": "en",
    "name": "Rita d'Ávila",
    "email": "rita@boavista.test",
    "password": "a password for Rita",
}


@pytest.fixture
async def visitor(shared_server: Server) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody on the central host."""
    async with shared_server.client("") as client:
        yield client


def led_to(page: httpx.Response) -> SplitResult:
    """Where a page leads at once, with a link for who stays."""
    assert page.status_code == 200
    address = page.headers["refresh"].removeprefix("0; url=")
    assert f'<a href="{html.escape(address)}">' in page.text
    return urlsplit(address)


async def test_signing_up_lands_in_the_new_workspace_signed_in(
    shared_server: Server, visitor: httpx.AsyncClient
) -> None:
    assert (await visitor.get("/signup")).status_code == 200
    made = await visitor.post("/signup", data=TYPED)
    door = led_to(made)
    assert (f"{door.scheme}://{door.netloc}", door.path) == (shared_server.url("boavista", ""), "/enter")
    token = parse_qs(door.query)["token"][0]

    async with shared_server.client("boavista") as owner:
        page = await owner.get(f"{door.path}?{door.query}")
        assert page.status_code == 200
        assert f'name="token" value="{token}"' in page.text
        assert "set-cookie" not in page.headers
        entered = await owner.post("/enter", data={"token": token})
        assert (entered.status_code, entered.headers["location"]) == (303, "/")
        cookie = {"cookie": entered.headers["set-cookie"].partition(";")[0]}
        home = await owner.get("/", headers=cookie)
        assert home.status_code == 200
        assert html.escape(TYPED["workspace"]) in home.text
        assert 'data-role="owner"' in home.text
        first = re.search(r'<a class="btn primary" href="([^"]+)"', home.text)
        assert first
        assert first[1] == "/collections/new"
        assert (await owner.get(first[1], headers=cookie)).status_code == 200

        owner.cookies.clear()
        again = await owner.post("/enter", data={"token": token})
        assert (again.status_code, again.headers["location"]) == (303, "/login?why=used")
        assert "set-cookie" not in again.headers
        signed_in = await owner.post("/login", data={"email": TYPED["email"], "password": TYPED["password"]})
        assert signed_in.status_code == 303


async def test_the_token_opens_no_other_workspace(shared_server: Server, visitor: httpx.AsyncClient) -> None:
    made = await visitor.post("/signup", data={**TYPED, "slug": "other-door"})
    token = parse_qs(led_to(made).query)["token"][0]
    async with shared_server.client("acme") as stranger:
        refused = await stranger.post("/enter", data={"token": token})
        assert refused.headers["location"] == "/login?why=used"
    async with shared_server.client("other-door") as owner:
        assert (await owner.post("/enter", data={"token": token})).headers["location"] == "/"


async def test_a_new_workspace_speaks_the_chosen_language(shared_server: Server, visitor: httpx.AsyncClient) -> None:
    made = await visitor.post("/signup", data={**TYPED, "slug": "em-portugues", "language": "pt_BR"})
    assert led_to(made).path == "/enter"
    async with shared_server.client("em-portugues") as owner:
        assert '<html lang="pt-BR"' in (await owner.get("/login")).text
        signed_in = await owner.post("/login", data={"email": TYPED["email"], "password": TYPED["password"]})
        cookie = {"cookie": signed_in.headers["set-cookie"].partition(";")[0]}
        room = await owner.get("/chat/general", headers=cookie)
        assert re.search(r"<h1[^>]*>[^<]*geral", room.text), "the general room is named in it, too"


@pytest.mark.parametrize(
    ("slug", "reason"),
    [
        ("www", "This address is reserved."),
        ("operator", "This address is reserved."),
        ("acme", "This address is taken."),
        ("ACME", "This address is taken."),
        ("", "Between 3 and 40 characters."),
        ("ab", "Between 3 and 40 characters."),
        ("x" * 41, "Between 3 and 40 characters."),
        ("-abc", "Only lowercase letters, numbers and single hyphens"),
        ("abc-", "Only lowercase letters, numbers and single hyphens"),
        ("xn--abc", "Only lowercase letters, numbers and single hyphens"),
        ("with space", "Only lowercase letters, numbers and single hyphens"),
        ("evil.acme", "Only lowercase letters, numbers and single hyphens"),
        ("coração", "Only lowercase letters, numbers and single hyphens"),
        ('"><script>', "Only lowercase letters, numbers and single hyphens"),
    ],
)
async def test_an_address_that_can_not_be_is_refused_with_a_reason_and_what_was_typed(
    visitor: httpx.AsyncClient, slug: str, reason: str
) -> None:
    answer = await visitor.post("/signup", data={**TYPED, "slug": slug})
    assert answer.status_code == 422
    assert reason in answer.text
    for name in ("workspace", "name", "email"):
        assert f'value="{escaped(TYPED[name])}"' in answer.text
    assert f'value="{escaped(slug)}"' in answer.text
    assert TYPED["password"] not in answer.text


def escaped(text: str) -> str:
    """As Jinja escapes it."""
    return html.escape(text).replace("&#x27;", "&#39;").replace("&quot;", "&#34;")


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("workspace", " ", "This can&#39;t be empty."),
        ("workspace", "x" * 81, "At most 80 characters."),
        ("name", "", "This can&#39;t be empty."),
        ("email", "rita at home", "This does not look like an email address."),
        ("password", "short", "At least 10 characters."),
    ],
)
async def test_other_bad_input_says_beside_the_field_what_is_wrong(
    visitor: httpx.AsyncClient, name: str, value: str, reason: str
) -> None:
    answer = await visitor.post("/signup", data={**TYPED, "slug": "not-made", name: value})
    assert answer.status_code == 422
    error = re.search(rf'id="error-{name}">(.*?)</p>', answer.text, re.DOTALL)
    assert error
    assert reason in error[1]
    assert 'value="not-made"' in answer.text


async def test_all_that_is_wrong_is_said_at_once(visitor: httpx.AsyncClient) -> None:
    answer = await visitor.post("/signup", data={**TYPED, "slug": "acme", "password": "short", "email": "no address"})
    assert answer.status_code == 422
    assert set(re.findall(r'id="error-(\w+)"', answer.text)) == {"slug", "password", "email"}


async def test_nothing_was_made_of_what_was_refused(shared_server: Server) -> None:
    async with shared_server.client("not-made") as client:
        assert (await client.get("/login")).status_code == 404


async def test_the_way_to_a_workspace_is_found_from_the_central_page(
    shared_server: Server, visitor: httpx.AsyncClient
) -> None:
    for typed in ("acme", " Acme ", shared_server.host("acme")):
        answer = await visitor.post("/go", data={"slug": typed})
        assert led_to(answer).geturl() == shared_server.url("acme")
    refused = await visitor.post("/go", data={"slug": "evil.test/"})
    assert refused.status_code == 422
    assert 'value="evil.test/"' in refused.text
