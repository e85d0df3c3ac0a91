"""Mails as people see them: at the widths of three mail programs, light and dark, whatever somebody is called."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from app.database import Tenant
from app.mail.messages import write_message
from app.mail.outbox import Content
from app.mail.pictures import take_pictures
from app.mail.rendering import Face, render_mail
from app.notifications.kinds import word, word_plainly
from app.notifications.listing import ListedNotification
from app.notifications.mails import leave_out_oldest
from app.web.texts import _l
from tests.browser.test_accessible import LAYOUT, LOOK
from tests.test_isolation import SETTINGS

TENANT = Tenant(id=1, slug="acme", name="W" * 58 + " & <b>Söhne</b> 😀", color="green", language="en", logo=None)
HOSTILE = Face(2, "W" * 60 + "<script>😀")
MENTIONED = _l("%(actor)s mentioned you in %(title)s")
LINK = SETTINGS.workspace_url("acme", "/c/books/1")


def write_notifications(tenant: Tenant, count: int, excerpt: str) -> Content:
    """A mail of so many mentions, or of those of them that it has room for."""
    values = {"actor": HOSTILE.name, "title": "&" * 200}
    one: Any = SimpleNamespace(text=MENTIONED, values=values, excerpt=excerpt)
    listed: list[ListedNotification] = leave_out_oldest([one] * count, tenant.language)
    item = {"plain": word_plainly(MENTIONED, tenant.language, **values), "excerpt": excerpt, "face": HOSTILE}
    item |= {"html": word(MENTIONED, tenant.language, **values), "address": LINK}
    return render_mail(
        SETTINGS,
        tenant,
        "notifications/mail",
        receiver="carla@acme.test",
        subject="Notifications",
        faces=[HOSTILE],
        member=SimpleNamespace(name="Carla"),
        items=[item] * len(listed),
        always=False,
        older=count - len(listed),
        inbox=LINK,
        preferences=LINK,
        unsubscribe=LINK,
    )


def write_invitation_of(tenant: Tenant) -> Content:
    return render_mail(
        SETTINGS,
        tenant,
        "tenants/invitation_mail",
        receiver="carla@acme.test",
        subject="Invitation",
        actor=HOSTILE,
        face=HOSTILE,
        link=LINK + "?token=" + "t" * 80,
    )


async def test_a_mail_is_small_whatever_it_tells() -> None:
    content, pictures = await take_pictures(write_notifications(TENANT, 50, "😀" * 140))
    assert len(bytes(write_message(SETTINGS, content, "id", pictures))) < 100_000
    long: Any = SimpleNamespace(text=MENTIONED, values={"actor": "Ana", "title": "&" * 9_000}, excerpt="")
    assert leave_out_oldest([long, long], "en") == [long], "one is always told"


@pytest.mark.sqlite
@pytest.mark.parametrize("language", ["en", "pt_BR"])
async def test_nothing_of_a_mail_is_cut_off_or_can_not_be_read(new_context: Callable[..., Any], language: str) -> None:
    tenant = Tenant(id=1, slug="acme", name=TENANT.name, color="green", language=language, logo=None)
    complaints: list[str] = []
    for scheme in ("light", "dark"):
        context = await new_context(color_scheme=scheme)
        page = await context.new_page()
        for width in (320, 480, 640):
            await page.set_viewport_size({"width": width, "height": 800})
            for content in (write_notifications(tenant, 2, "x" * 140), write_invitation_of(tenant)):
                await page.set_content(content.html)
                found = await page.evaluate(LAYOUT)
                found += [each for each in await page.evaluate(LOOK) if each.startswith("contrast")]
                complaints += [f"{scheme}, {width}: {complaint}" for complaint in found]
    assert not complaints, "\n".join(complaints)
