"""Mails of links, through a real SMTP conversation: as text and as HTML, and only while their links work."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import aclosing
from email.message import EmailMessage
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from app.web.colors import WORKSPACE_COLORS
from app.web.templates import APP
from tests.conftest import Server, end_server, start_server
from tests.databases import Store
from tests.post import Post, html, plain
from tests.waiting import until

# What makes a mail program fetch something, or run it.
FETCHING = {"link", "script", "iframe", "object", "embed", "video", "audio", "source", "base", "form"}


@pytest.fixture
def server(seeded: Store, tmp_path: Path, post: Post) -> Iterator[Server]:
    made = start_server(seeded, tmp_path, SMTP_URL=f"smtp://127.0.0.1:{post.port}")
    yield made
    end_server(made)


class Elements(HTMLParser):
    """The elements of a mail, with their attributes, and its links."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    @property
    def links(self) -> list[str]:
        return [str(attributes["href"]) for tag, attributes in self.elements if tag == "a"]


def check_frame(mail: EmailMessage, server: Server) -> list[str]:
    """Look at what every mail has in common; the links of its HTML."""
    assert mail.get_content_type() == "multipart/alternative"
    first, second = mail.iter_parts()
    assert first.get_content_type() == "text/plain"
    assert second.get_content_type() in ("text/html", "multipart/related")
    found = Elements(html(mail))
    assert not FETCHING & {tag for tag, _ in found.elements}
    assert not {"srcset", "background"} & {name for _, attributes in found.elements for name in attributes}
    brought = {str(part["content-id"]).strip("<>") for part in mail.walk() if part.get_content_maintype() == "image"}
    assert {f"cid:{name}" for name in brought} == {
        attributes["src"] for _, attributes in found.elements if "src" in attributes
    }
    assert len(bytes(mail)) < 100_000
    assert not re.search(r"url\(|@import", html(mail))
    assert ("meta", {"name": "color-scheme", "content": "light dark"}) in found.elements
    styles = [attributes.get("style") or "" for _, attributes in found.elements]
    for style in styles:
        named = {name for name in ("background", "color") if re.search(rf"(^|;)\s*{name}:", style)}
        assert named in (set(), {"background", "color"}), "one colour alone can't be read on every ground"
    assert all(link.startswith(f"http://{server.host('acme')}/") for link in found.links)
    home = f"http://{server.host('acme')}/"
    links = [link for link in found.links if link != home]
    assert all(link in plain(mail) for link in links), "both tell the same"
    return links


async def invite(server: Server, email: str) -> None:
    async with aclosing(await server.sign_in("acme", "ana@acme.test")) as ana:
        answer = await ana.post("/members/invitations", data={"email": email, "role": "member"})
        assert answer.headers["location"].startswith("/members?done=invitation-sent&about=")


def waiting(server: Server) -> Any:
    return server.store.rows("SELECT count(*) FROM mail")[0][0]


async def test_an_invitation_is_text_and_html_and_both_lead_in(server: Server, post: Post) -> None:
    post.open()
    async with aclosing(await server.sign_in("acme", "ana@acme.test")) as ana:
        await ana.post("/account/name", data={"name": "Ana <b>Maria</b>"})
        await ana.post("/settings", data={"name": "Biblioteca Acme", "language": "en", "color": "blue"})
    await invite(server, "eva@example.org")
    (mail,) = await post.wait(1)
    link = check_frame(mail, server)[0]
    assert mail["subject"] == "Ana <b>Maria</b> invites you to Biblioteca Acme"
    assert "Ana <b>Maria</b> invites you to Biblioteca Acme." in plain(mail)
    assert "Ana &lt;b&gt;Maria&lt;/b&gt; invites you to Biblioteca Acme." in html(mail)
    blue = WORKSPACE_COLORS["blue"]
    assert f"background: {blue.light}" in html(mail)
    assert f"a {{ color: {blue.dark}; }}" in html(mail)
    async with server.client("acme") as eva:
        assert "Join Biblioteca Acme" in (await eva.get(link.partition(server.host("acme"))[2])).text


async def test_the_logo_and_the_picture_of_who_invites_come_with_the_mail_as_every_mail_program_shows_them(
    server: Server, post: Post
) -> None:
    photo, logo = io.BytesIO(), io.BytesIO()
    Image.effect_noise((300, 300), 90).convert("RGB").save(photo, "PNG")
    Image.new("RGBA", (400, 100), (20, 40, 160, 120)).save(logo, "PNG")
    async with aclosing(await server.sign_in("acme", "ana@acme.test")) as ana:
        for path, picture in (("/account/picture", photo), ("/settings/logo", logo)):
            sent = await ana.post(path, files={"picture": ("picture.png", picture.getvalue())})
            assert sent.status_code == 303
    post.open()
    await invite(server, "eva@example.org")
    (mail,) = await post.wait(1)
    check_frame(mail, server)
    pictures = {part["content-id"]: part for part in mail.walk() if part.get_content_maintype() == "image"}
    assert {name: part.get_content_type() for name, part in pictures.items()} == {
        "<logo@mutirao>": "image/png",
        "<person-1@mutirao>": "image/jpeg",
    }
    assert all(part.get_content_disposition() == "inline" for part in pictures.values())
    with Image.open(io.BytesIO(pictures["<person-1@mutirao>"].get_content())) as shown:
        assert shown.size == (80, 80)


async def test_initials_stand_for_a_picture_that_is_not_there_any_more(server: Server, post: Post) -> None:
    server.store.rows(f"UPDATE member SET picture = '{'0' * 32}' WHERE email = 'ana@acme.test'")
    post.open()
    await invite(server, "eva@example.org")
    (mail,) = await post.wait(1)
    check_frame(mail, server)
    assert ">AN</span>" in html(mail)


def test_initials_have_the_colours_that_they_have_on_pages() -> None:
    styles = (APP / "static" / "css" / "avatar.css").read_text()
    colours = re.findall(r'data-hue="\d"\] \{ background: (#\w+)', styles)
    assert re.findall(r"'(#\w+)'", (APP / "templates" / "mail" / "_tile.html").read_text()) == colours


async def test_a_link_for_a_password_is_text_and_html_in_the_language_of_the_workspace(
    server: Server, post: Post
) -> None:
    server.store.rows("UPDATE tenant SET language = 'pt_BR' WHERE slug = 'acme'")
    post.open()
    async with server.client("acme") as carla:
        await carla.post("/forgotten", data={"email": "carla@acme.test"})
        (mail,) = await post.wait(1)
        link = check_frame(mail, server)[0]
        assert (await carla.get(link.partition(server.host("acme"))[2])).status_code == 200
    assert mail["to"] == "carla@acme.test"
    assert mail["subject"] == "Crie uma nova senha para Biblioteca Acme"
    assert '<html lang="pt-BR">' in html(mail)
    assert "Alguém pediu uma nova senha" in html(mail)


async def test_a_notification_has_the_same_frame(server: Server, post: Post) -> None:
    post.open()
    async with aclosing(await server.sign_in("acme", "davi@acme.test")) as davi:
        typed = {"password": "mutirao-demo", "new_password": "another long one"}
        assert (await davi.post("/account/password", data=typed)).status_code == 303
    (mail,) = await post.wait(1)
    assert f"http://{server.host('acme')}/notifications/preferences" in check_frame(mail, server)


async def test_a_mail_about_a_sign_in_says_in_short_when_with_what_and_from_where_it_was(
    server: Server, post: Post
) -> None:
    firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    post.open()
    async with server.client("acme") as known, server.client("acme") as unknown:
        typed = {"email": "davi@acme.test", "password": "mutirao-demo", "time_zone": "America/Sao_Paulo"}
        assert (await known.post("/login", data=typed)).status_code == 303
        assert (await unknown.post("/login", data=typed, headers={"user-agent": firefox})).status_code == 303
    (mail,) = await post.wait(1)
    check_frame(mail, server)
    assert mail["subject"] == "New sign-in to Biblioteca Acme"
    found = re.search(
        r"^  (\w+ \d+, \d{4}, .+) \(America/Sao_Paulo\) · Firefox, Linux · 127\.0\.0\.1", plain(mail), re.M
    )
    assert found, plain(mail)
    assert f"{found[1]} (America/Sao_Paulo) · Firefox, Linux · 127.0.0.1" in html(mail)
    assert "Here's what's new" not in plain(mail)


async def test_while_the_mail_server_is_down_links_that_end_are_not_mailed(server: Server, post: Post) -> None:
    for name in ("revoked", "again", "kept"):
        await invite(server, f"{name}@example.org")
    async with aclosing(await server.sign_in("acme", "bruno@acme.test")) as bruno:
        ids = dict(server.store.rows("SELECT email, id FROM invitation"))
        assert (await bruno.post(f"/members/invitations/{ids['revoked@example.org']}/revoke")).status_code == 303
        assert (await bruno.post(f"/members/invitations/{ids['again@example.org']}/resend")).status_code == 303
        for count in (5, 6):
            await bruno.post("/forgotten", data={"email": "carla@acme.test"})
            await until(lambda count=count: waiting(server) == count)
    post.open()
    await until(lambda: waiting(server) == 0)
    mails = {str(mail["to"]): mail for mail in post.mails}
    assert sorted(mails) == ["again@example.org", "carla@acme.test", "kept@example.org"]
    assert len(post.mails) == 3
    assert mails["again@example.org"]["subject"] == "Bruno invites you to Biblioteca Acme"
    async with server.client("acme") as anybody:
        for mail in mails.values():
            link = check_frame(mail, server)[0]
            assert (await anybody.get(link.partition(server.host("acme"))[2])).status_code == 200
