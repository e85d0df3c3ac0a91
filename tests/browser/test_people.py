"""A new owner's first day: people are invited, given a role, removed; each page says so within a moment."""

from __future__ import annotations

import asyncio
import email
import email.policy
import re
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.async_api import Page, expect

from tests.browser.pages import assert_equals_a_fresh_load, confirm
from tests.conftest import Server
from tests.fields import TITLE
from tests.post import plain

PASSWORD = "a long enough password"


async def read_link(server: Server, to: str) -> str:
    """The link in the mail to an address."""
    async with asyncio.timeout(10):
        while True:
            for path in (server.data_dir / "outbox").glob("*.eml"):
                mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
                if mail["To"] == to:
                    return re.findall(r"http://\S+/join\?token=\S+", plain(mail))[0]
            await asyncio.sleep(0.02)


async def test_a_password_stays_typed_when_another_language_is_chosen(
    shared_server: Server, new_context: Callable[..., Any]
) -> None:
    page = await (await new_context()).new_page()
    await page.goto(shared_server.url("", "/signup"))
    await page.get_by_label("Workspace name").fill("Horta Comum")
    await page.get_by_label("Password").fill(PASSWORD)
    async with page.expect_request("**/signup") as sent:
        await page.get_by_role("button", name="Português").click()
    await expect(page.get_by_role("heading", name="Criar espaço de trabalho")).to_be_visible()
    assert "password" not in ((await sent.value).post_data or "")
    await expect(page.locator("html")).to_have_attribute("lang", "pt-BR")
    await expect(page.get_by_label("Senha")).to_have_value(PASSWORD)
    await expect(page.get_by_label("Nome do espaço de trabalho")).to_have_value("Horta Comum")
    await expect(page.locator("[name=time_zone]")).not_to_have_value("")
    await expect(page.locator(".languages [aria-current]")).to_be_focused()
    await page.get_by_label("Nome do espaço de trabalho").fill("Horta Nova")
    await expect(page.get_by_label("Endereço")).to_have_value("horta-nova")


async def test_what_is_chosen_ticked_and_written_stays_when_another_language_is_chosen(
    shared_server: Server, new_context: Callable[..., Any]
) -> None:
    """Whatever kinds of fields such a form will have: here they are put into each of its pages."""
    page = await (await new_context()).new_page()
    await page.goto(shared_server.url("", "/signup"))
    await page.evaluate(
        """() => {
          const more = '<select name="plan"><option>a</option><option>b</option></select>'
            + '<input type="checkbox" name="news" value="yes"><textarea name="about"></textarea>';
          const add = (page) => page.querySelector("form:has([type=password])").insertAdjacentHTML("beforeend", more);
          const parse = DOMParser.prototype.parseFromString;
          DOMParser.prototype.parseFromString = function (...given) {
            const page = parse.apply(this, given);
            add(page);
            return page;
          };
          add(document);
        }"""
    )
    await page.locator("[name=plan]").select_option("b")
    await page.locator("[name=news]").check()
    await page.locator("[name=about]").fill("Two\nlines")
    await page.get_by_role("button", name="Português").click()
    await expect(page.get_by_role("heading", name="Criar espaço de trabalho")).to_be_visible()
    await expect(page.locator("[name=plan]")).to_have_value("b")
    await expect(page.locator("[name=news]")).to_be_checked()
    await expect(page.locator("[name=about]")).to_have_value("Two\nlines")


async def test_a_new_owner_invites_three_makes_one_an_admin_and_removes_one(
    server: Server, new_context: Callable[..., Any]
) -> None:
    contexts = [await new_context() for _ in range(4)]
    owner = await contexts[0].new_page()
    await owner.goto(server.url("", "/signup"))
    await owner.get_by_label("Workspace name").fill("Horta Comum")
    await owner.get_by_label("Address").fill("horta")
    await owner.get_by_label("Your name").fill("Olga")
    await owner.get_by_label("Email").fill("olga@example.org")
    await owner.get_by_label("Password").fill(PASSWORD)
    await owner.get_by_role("button", name="Create workspace").click()
    await owner.wait_for_url(server.url("horta", "/"))
    await owner.goto(server.url(""))
    await owner.get_by_role("link", name="Find my workspace").first.click()
    await owner.get_by_label("Address of your workspace").fill("horta")
    await owner.get_by_role("button", name="Continue").click()
    await owner.wait_for_url(server.url("horta", "/"))
    pages: dict[str, Page] = {}
    for context, name in zip(contexts[1:], ("Rui", "Sara", "Tom"), strict=True):
        address = f"{name.lower()}@example.org"
        await owner.goto(server.url("horta", "/members"))
        await owner.locator("html[data-ready=yes]").wait_for(state="attached")
        await owner.get_by_label("Email").fill(address)
        await owner.get_by_role("button", name="Send invitation").click()
        await expect(owner.get_by_text(f"The invitation for {address} is on its way.")).to_be_visible()
        page = pages[name] = await context.new_page()
        await page.goto(await read_link(server, address))
        await page.get_by_label("Your name").fill(name)
        await page.get_by_label("Password").fill(PASSWORD)
        await page.get_by_role("button", name="Join").click()
        await page.wait_for_url(server.url("horta", "/"))
        await expect(owner.locator(".people-table").get_by_text(name, exact=True)).to_be_visible()
    sara, tom = pages["Sara"], pages["Tom"]
    await sara.goto(server.url("horta", "/members"))
    await sara.locator("html[data-ready=yes]").wait_for(state="attached")
    await expect(sara.get_by_role("link", name="Manage Tom")).to_have_count(0)
    await owner.get_by_role("link", name="Manage Sara").click()
    await owner.get_by_role("heading", name="Sara").wait_for()
    await owner.get_by_label("Role").select_option(label="Admin")
    await owner.get_by_role("button", name="Change role").click()
    await expect(owner.get_by_text("Sara is now an admin.")).to_be_visible()
    await expect(sara.get_by_role("link", name="Manage Tom")).to_be_visible()
    await expect(sara.locator("body")).to_have_attribute("data-role", "admin")
    await tom.goto(server.url("horta", "/c/books"))
    await tom.locator("html[data-ready=yes]").wait_for(state="attached")
    await sara.get_by_role("link", name="Manage Tom").click()
    await confirm(sara, "Remove Tom")
    await expect(sara.get_by_text("Tom is no longer a member.")).to_be_visible()
    await expect(tom.get_by_text("You are no longer a member of this workspace.")).to_be_visible()
    await expect(tom).to_have_url(re.compile("/login"))
    await owner.goto(server.url("horta", "/members"))
    await expect(owner.locator(".people-table").get_by_text("Tom", exact=True)).to_have_count(0)


async def test_another_language_and_another_name_show_in_pages_that_are_open(server: Server, person: Any) -> None:
    ana = await person(server, "acme", "ana@acme.test")
    carla = await person(server, "acme", "carla@acme.test")
    await carla.open("/members")
    await ana.open("/settings")
    await ana.page.get_by_label("Language").select_option("pt_BR")
    await ana.page.get_by_role("button", name="Save").click()
    await expect(carla.page.get_by_role("heading", name="Pessoas")).to_be_visible()
    await expect(carla.page.locator("html")).to_have_attribute("lang", "pt-BR")
    await expect(carla.page).to_have_title("Pessoas · Biblioteca Acme")
    await carla.open("/account")
    await carla.page.get_by_label("O nome que os outros veem").fill("Clarice")
    await carla.page.get_by_role("button", name="Alterar nome").click()
    await expect(ana.page.locator("#here")).to_have_text(re.compile("Aqui agora.*Clarice", re.DOTALL))
    await assert_equals_a_fresh_load(ana.page)


async def test_who_hands_over_the_workspace_is_offered_an_admin_s_things_without_a_reload(
    server: Server, person: Any
) -> None:
    ana, carla = await person(server, "acme", "ana@acme.test"), await person(server, "acme", "carla@acme.test")
    page, other = await ana.open("/members/3"), await carla.open("/c/books/2")
    await page.get_by_role("link", name="Make Carla the owner").click()
    await page.get_by_role("dialog").locator("button[type=submit]").click()
    await expect(page.locator(".notice.ok")).to_be_visible()
    await expect(page.locator("body")).to_have_attribute("data-role", "admin")
    await expect(other.locator("body")).to_have_attribute("data-role", "owner")
    await page.locator(".side a[href='/c/books']").click()
    await page.wait_for_url("**/c/books")
    await assert_equals_a_fresh_load(page)


async def test_a_page_that_one_goes_to_is_in_its_language_and_for_one_s_role(server: Server, person: Any) -> None:
    carla = await person(server, "acme", "carla@acme.test")
    page = await carla.open("/members")
    await page.evaluate("document.documentElement.lang = 'pt-BR'; document.body.dataset.role = 'owner'")
    await page.locator(".side a[href='/c/books']").click()
    await page.wait_for_url("**/c/books")
    await expect(page.locator("html")).to_have_attribute("lang", "en")
    await expect(page.locator("body")).to_have_attribute("data-role", "member")


async def test_a_picture_shows_in_pages_that_are_open(server: Server, person: Any, tmp_path: Path) -> None:
    Image.new("RGB", (300, 200), "tomato").save(tmp_path / "me.png")
    ana = await person(server, "acme", "ana@acme.test")
    carla = await person(server, "acme", "carla@acme.test")
    await ana.open("/members")
    await carla.open("/account")
    await carla.page.get_by_label("Your picture").set_input_files(tmp_path / "me.png")
    await carla.page.get_by_role("button", name="Use this picture").click()
    await expect(carla.page.get_by_text("Saved.")).to_be_visible()
    shown = ana.page.locator("main .avatar").nth(2)
    await expect(shown).to_have_css("background-image", re.compile("/pictures/"))


async def test_the_list_of_members_says_who_is_here(shared_server: Server, person: Any) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    carla = await person(shared_server, "acme", "carla@acme.test")
    page = await ana.open("/members")
    row = page.locator(".people-table").get_by_role("row").filter(has_text="carla@acme.test")
    await expect(row).not_to_contain_text("here now", use_inner_text=True)
    await carla.open("/c/books")
    await expect(row).to_contain_text("here now", use_inner_text=True)
    await expect(row.locator(".avatar.here")).to_be_visible()
    await carla.page.close()
    await expect(row.locator(".avatar.here")).to_have_count(0)
    await expect(row).not_to_contain_text("here now", use_inner_text=True)


async def test_who_is_renamed_has_the_new_name_in_open_pages(server: Server, person: Any) -> None:
    ana = await person(server, "acme", "ana@acme.test")
    async with aclosing(await server.sign_in("acme", "bruno@acme.test")) as bruno:
        direct = (await bruno.post("/chat/direct", data={"person": "#1"})).headers["location"]
        await bruno.post(direct, data={"text": "Said by Bruno, to @Bruno", "key": "direct"})
        await ana.open(direct)
        page = ana.page
        await expect(page).to_have_title(re.compile("^(?:\\(\\d+\\) )?Bruno"))
        await page.get_by_label("Message", exact=True).fill("Half a thought")
        await bruno.post("/account/name", data={"name": "Zé"})
        await expect(page.locator("h1")).to_have_text("Zé")
        await expect(page).to_have_title(re.compile("^(?:\\(\\d+\\) )?Zé"))
        await expect(page.locator(".message .meta b").last).to_have_text("Zé")
        await expect(page.locator(".message .mention").last).to_have_text("@Zé")
        await expect(page.locator("#rooms").get_by_text("Zé", exact=True)).to_be_visible()
        await expect(page.get_by_label("Message", exact=True)).to_have_value("Half a thought")
        await page.get_by_label("Message", exact=True).press_sequentially(" for @z")
        await expect(page.locator("#completion")).to_contain_text("@Zé")
        # Who edits something keeps their page, and is not told that it has changed.
        await ana.open("/c/books/2/edit")
        await page.locator(f"[name={TITLE}]").fill("Half a title")
        await bruno.post("/account/name", data={"name": "José"})
        await expect(page.locator("#rooms").get_by_text("José", exact=True)).to_be_visible()
        await expect(page.locator(f"[name={TITLE}]")).to_have_value("Half a title")
        await expect(page.locator("#stale")).to_be_empty()


async def test_the_only_owner_who_wants_to_leave_is_led_to_whom_to_hand_over_to(server: Server, person: Any) -> None:
    ana = await person(server, "acme", "ana@acme.test")
    await ana.open("/account")
    await ana.page.get_by_role("link", name="Leave workspace").click()
    dialog = ana.page.get_by_role("dialog")
    await expect(dialog).to_contain_text("transfer ownership first")
    await expect(dialog.get_by_role("button")).to_have_count(0)
    await dialog.get_by_role("link", name="Transfer ownership").click()
    await expect(ana.page.get_by_role("heading", name="People", exact=True)).to_be_visible()
    await expect(dialog).to_have_count(0)


async def test_who_joins_is_shown_beside_a_link_that_stays(server: Server, person: Any) -> None:
    ana = await person(server, "acme", "ana@acme.test")
    page = ana.page
    await ana.open("/members")
    await page.get_by_role("button", name="Create link").click()
    link = page.get_by_label("Invitation link")
    await expect(page.get_by_role("button", name="Copy")).to_be_focused()
    address = await link.input_value()
    token = address.partition("token=")[2]
    async with server.client("acme") as client:
        typed = {"email": "nina@acme.test", "name": "Nina", "password": "a few good words"}
        joined = await client.post("/join", data={**typed, "token": token})
    assert joined.status_code == 303
    await expect(page.locator(".people-table").get_by_text("Nina", exact=True)).to_be_visible()
    await expect(page.get_by_text("used 1 of 10 times")).to_be_visible()
    await expect(link).to_have_value(address)
    await expect(page.locator("#stale a")).to_have_count(0)


async def test_who_follows_a_record_stays_on_the_button(shared_server: Server, person: Any) -> None:
    bruno = await person(shared_server, "acme", "bruno@acme.test")
    await bruno.open("/c/books/1")
    button = bruno.page.locator("#follow")
    said = await button.inner_text()
    await button.click()
    await expect(button).not_to_have_text(said)
    await expect(button).to_be_focused()


async def test_on_a_phone_the_buttons_of_an_invitation_are_in_one_line(server: Server, person: Any) -> None:
    ana = await person(server, "acme", "ana@acme.test", viewport={"width": 390, "height": 844})
    async with aclosing(await server.sign_in("acme", "ana@acme.test")) as client:
        await client.post("/members/invitations", data={"email": "joaquina@acme.test", "role": "admin"})
        await client.post("/settings", data={"name": "Biblioteca", "language": "pt_BR", "session_days": "7"})
    page = await ana.open("/members")
    line = page.locator(".person-list > li")
    again, revoke = [await line.get_by_text(text).bounding_box() for text in ("Enviar de novo", "Revogar")]
    assert again is not None
    assert revoke is not None
    assert again["y"] == revoke["y"]
