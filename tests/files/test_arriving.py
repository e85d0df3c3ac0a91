"""Files on their way count as if they were there: in the workspace's quota, and as some of each person at once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import delete

from app.chat.attachments import Attachment
from app.files import arriving
from app.files.arriving import UPLOADS_AT_ONCE
from app.records.files import RecordFile
from app.server import asgi
from app.server.asgi import Parts
from tests import test_isolation, test_statements
from tests.databases import Store
from tests.test_isolation import Target
from tests.test_slow_bodies import NeverComing, sending
from tests.test_statements import BRINGS, OTHERS, World, make_world, undoing

asked = test_statements.asked
TYPE = "multipart/form-data; boundary=b"
MB = 1_000_000
# Where files are kept beside the others of the workspace; elsewhere one is kept that is small, or none.
KEPT = ["/chat/{slug:str}/files", "/discussion/{subject:str}/files", "/c/{slug:str}/files/{key:str}"]


@pytest.fixture(scope="module")
async def small(
    seeded: Store, asked: list[str], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[World, Parts, Path]]:
    """A program with a small quota, which has no patience, its parts, and where its data are."""
    made: list[Parts] = []

    class Noted(Parts):
        def __init__(self, settings: Any) -> None:
            super().__init__(settings)
            made.append(self)

    directory = tmp_path_factory.mktemp("arriving")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asgi, "Parts", Noted)
        patch.setattr(test_statements, "SETTINGS", replace(test_isolation.SETTINGS, files_quota_megabytes=10))
        patch.setattr(arriving, "UPLOAD_PATIENCE", 0.05)
        world = await make_world(seeded, directory, 1, asked)
        yield world, made[0], directory
    await world.client.aclose()
    await world.operator.aclose()
    await world.database.close()


@pytest.fixture
def world(small: tuple[World, Parts, Path]) -> Iterator[World]:
    """That program; when a test is over, nothing is on its way any more."""
    world, parts, _ = small
    yield world
    assert not parts.arriving.coming
    assert not parts.arriving.turns.asked


@pytest.fixture
def data_dir(small: tuple[World, Parts, Path]) -> Path:
    return small[2]


def count_bytes(directory: Path) -> int:
    """How much of files that are not complete lies on the disk."""
    return sum(path.stat().st_size for path in directory.rglob(".*.part"))


def begin_file(name: str) -> bytes:
    """The beginning of a form with a file."""
    return f'--b\r\ncontent-disposition: form-data; name="{name}"; filename="plan.txt"\r\n\r\n'.encode()


@pytest.mark.parametrize("path", BRINGS)
async def test_a_person_brings_some_files_at_once_and_no_more(world: World, path: str) -> None:
    target = Target("POST", path)
    async with AsyncExitStack() as stack:
        for _ in range(UPLOADS_AT_ONCE):
            body = NeverComing(begin_file(BRINGS[path]))
            sent = sending(world.client, world, target, body, {"content-type": TYPE})
            assert await stack.enter_async_context(sent) is None
        body = NeverComing(begin_file(BRINGS[path]))
        refused = await stack.enter_async_context(
            sending(world.client, world, target, body, {"content-type": TYPE, "x-page": "1"})
        )
        assert refused is not None
        assert "You are sending too many files at once." in refused.text
        assert refused.status_code in (200, 422, 429)


@pytest.mark.parametrize("is_said", [True, False], ids=["said before", "in chunks"])
@pytest.mark.parametrize("path", KEPT)
async def test_what_is_on_its_way_to_a_workspace_is_within_its_quota(
    world: World, data_dir: Path, path: str, is_said: bool
) -> None:
    """Two of seven megabytes are more than ten, whatever of them may be text."""
    target = Target("POST", path)
    async with AsyncExitStack() as stack:
        answers: list[httpx.Response | None] = []
        for _ in range(2):
            pieces = [b"x" * MB] * (3 if is_said else 7)
            body = NeverComing(begin_file(BRINGS[path]), *pieces)
            headers = {"content-type": TYPE, "x-page": "1"} | ({"content-length": str(7 * MB)} if is_said else {})
            answers.append(await stack.enter_async_context(sending(world.client, world, target, body, headers)))
        first, second = answers
        assert first is None
        assert second is not None
        assert (second.status_code, "can take up to 10 MB" in second.text) == (422, True)
        assert count_bytes(data_dir) <= (3 if is_said else 7) * MB, "nothing is kept of what was refused"
    with undoing():
        whole = await world.client.post(
            target.fill({**world.values, **OTHERS.get(path, {})}),
            files={BRINGS[path]: ("plan.txt", b"x" * 6 * MB)},
            headers={"x-page": "1"},
        )
    assert whole.status_code == 200, "there is room again when the first has come to nothing"


@pytest.mark.parametrize("path", KEPT)
async def test_a_file_that_comes_again_counts_once(world: World, path: str) -> None:
    """Of ten megabytes it has six, and its page had no answer."""
    address = Target("POST", path).fill({**world.values, **OTHERS.get(path, {})})
    answers = [
        await world.client.post(
            address,
            data={"upload": key},
            files={BRINGS[path]: ("plan.txt", b"x" * 6 * MB)},
            headers={"x-page": "1", "x-upload": key},
        )
        for key in ("first", "first", "second")
    ]
    async with world.database.write(1) as transaction:
        for model in (Attachment, RecordFile):
            await transaction.execute(delete(model).where(model.upload == "first"))
    assert [answer.status_code for answer in answers] == [200, 200, 422]
    assert answers[0].text == answers[1].text
