"""What becomes of an upload whose sender loses the right to it, or the session, before all of it is there."""

from __future__ import annotations

import io
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from PIL import Image
from sqlalchemy import update

from app.accounts.members import Member
from app.database import Database
from app.files.small_pictures import pictures_of
from app.files.uploads import ABANDONED_AFTER, GATHERED
from app.jobs.jobs import ClaimedJob
from app.tenants.pictures import delete_unnamed_pictures
from tests.conftest import Server
from tests.test_isolation import SETTINGS
from tests.waiting import until

BOUNDARY = "of-a-slow-form"
TYPE = {"content-type": f"multipart/form-data; boundary={BOUNDARY}", "x-page": "1"}
Meanwhile = Callable[[Server], None]


def set_role(role: str) -> Meanwhile:
    return lambda server: server.store.rows(f"UPDATE member SET role = '{role}' WHERE email = 'carla@acme.test'")


def sign_out(server: Server) -> None:
    server.store.rows("DELETE FROM session")


def suspend(server: Server) -> None:
    server.store.rows("UPDATE member SET suspended_at = '2026-01-01 00:00:00' WHERE email = 'carla@acme.test'")


def leave(server: Server) -> None:
    server.store.rows("UPDATE room SET kind = 'private' WHERE slug = 'general'")
    server.store.rows("DELETE FROM membership")


def list_files(server: Server) -> list[Path]:
    """What uploads have left on the disk, finished or not."""
    folders = (server.data_dir / "files", server.data_dir / "pictures")
    return [path for folder in folders for path in folder.rglob("*") if path.is_file()]


async def send_slowly(
    server: Server, client: httpx.AsyncClient, path: str, name: str, content: bytes, meanwhile: Meanwhile
) -> httpx.Response:
    """Send a file, of which the end comes after something has happened."""

    async def body() -> AsyncIterator[bytes]:
        head = f'--{BOUNDARY}\r\ncontent-disposition: form-data; name="{name}"; filename="sent"\r\n\r\n'
        yield head.encode() + content[:-1000]
        await until(lambda: list_files(server))
        meanwhile(server)
        yield content[-1000:] + f"\r\n--{BOUNDARY}--\r\n".encode()

    return await client.post(path, content=body(), headers=TYPE)


@pytest.mark.parametrize(
    ("path", "meanwhile", "status"),
    [
        ("/chat/general/files", set_role("viewer"), 403),
        ("/chat/general/files", sign_out, 401),
        ("/chat/general/files", suspend, 401),
        ("/chat/general/files", leave, 404),
        ("/discussion/record-1/files", set_role("viewer"), 403),
        ("/discussion/record-1/files", set_role("guest"), 404),
        ("/discussion/record-1/files", sign_out, 401),
    ],
)
async def test_who_may_not_send_any_more_when_the_file_is_there_has_brought_none(
    server: Server, path: str, meanwhile: Meanwhile, status: int
) -> None:
    async with aclosing(server.let_in("acme", "carla@acme.test")) as carla:
        sent = await send_slowly(server, carla, path, "file", b"x" * (GATHERED + 2000), meanwhile)
    assert sent.status_code == status, sent.text
    assert server.store.rows("SELECT 1 FROM attachment") == []
    assert list_files(server) == []


@pytest.mark.parametrize(("who", "path"), [("carla", "/account/picture"), ("ana", "/settings/logo")])
async def test_a_picture_whose_sender_is_signed_out_meanwhile_leaves_no_file(
    server: Server, who: str, path: str
) -> None:
    made = io.BytesIO()
    Image.effect_noise((900, 900), 90).convert("RGB").save(made, "PNG")
    assert len(made.getvalue()) > GATHERED + 2000
    async with aclosing(server.let_in("acme", f"{who}@acme.test")) as client:
        sent = await send_slowly(server, client, path, "picture", made.getvalue(), sign_out)
    assert sent.status_code != 200
    assert list_files(server) == []


async def test_pictures_that_nobody_has_are_swept_when_they_are_old(database: Database, tmp_path: Path) -> None:
    settings = replace(SETTINGS, data_dir=tmp_path)
    async with database.write(1) as transaction:
        folder = pictures_of(settings, transaction.tenant)
        kept, logo, old, young = (character * 32 for character in "abcd")
        for key in (kept, logo, old, young):
            path = folder / key[:2] / key
            path.parent.mkdir(parents=True)
            path.touch()
            if key != young:
                os.utime(path, (time.time() - ABANDONED_AFTER - 60,) * 2)
        transaction.tenant.logo = logo
        await transaction.execute(update(Member).where(Member.name == "Carla").values(picture=kept))
    await delete_unnamed_pictures(ClaimedJob(database, settings, 0, 0, None, {}, None))
    assert {path.name for path in folder.rglob("*") if path.is_file()} == {kept, logo, young}
