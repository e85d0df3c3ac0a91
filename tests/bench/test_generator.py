"""The load generator drives the real path, counts what arrives, and notices what does not."""

from __future__ import annotations

import asyncio
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bench import generator
from bench.fanout import run_room
from bench.plot import draw_bars
from bench.workspace import Crowd
from tests.conftest import Server


async def sign_in_for_load(server: Server, directory: Path) -> Crowd:
    client = await server.sign_in("acme", "ana@acme.test")
    page = (await client.get("/chat/general")).text
    channels = re.search(r'data-channels="([^"]+)" data-cursor="(\d+)"', page)
    assert channels
    room, member = (re.search(rf"{kind}\.(\d+)", channels[1]) for kind in ("room", "user"))
    assert room is not None
    assert member is not None
    lines = directory / "lines"
    lines.write_text(f"{client.headers['cookie'].removeprefix('session=')} {member[1]}\n")
    await client.aclose()
    return Crowd(int(room[1]), "general", int(channels[2]), lines)


async def test_every_post_arrives_at_every_socket(server: Server, tmp_path: Path) -> None:
    crowd = await sign_in_for_load(server, tmp_path)
    assert server.process is not None
    found = await asyncio.to_thread(
        run_room, crowd, server.port, server.process.pid, "-k", 4, "-w", 2, "--warmup", 1, "--settle", 0, sockets=3
    )
    assert (found["deliveries"], found["lost"], found["dup"], found["http_errors"]) == (12, 0, 0, 0)
    assert found["proc"]["server"]["rss_kib"][0] > 0


async def test_a_post_that_is_refused_is_an_error_and_lost(server: Server, tmp_path: Path) -> None:
    crowd = await sign_in_for_load(server, tmp_path)
    assert server.process is not None
    found = await asyncio.to_thread(
        *(run_room, crowd, server.port, server.process.pid, "-k", 1, "--warmup", 0, "--settle", 0, "--drain", 1),
        *("--pub", "http:/chat/nowhere"),
        sockets=2,
    )
    assert (found["lost"], found["http_errors"]) == (2, 1)


def test_a_plot_shows_each_bar_with_its_number() -> None:
    drawn = ElementTree.fromstring(draw_bars("Cost & more", [("Mutirão", 7.5), ("another", 180.0)], target=8.0))
    texts = [each.text for each in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert texts == ["Cost & more", "Mutirão", "7.5", "another", "180.0"]


def test_what_several_want_compiled_at_once_runs_for_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generator, "BUILD", tmp_path / "build")
    source = tmp_path / "ends.c"
    source.write_text("int main(void) { return 7; }")

    def compile_and_run(_: int) -> int:
        return subprocess.run([generator.compile_program(source)], check=False).returncode

    with ThreadPoolExecutor(8) as beside:
        assert list(beside.map(compile_and_run, range(8))) == [7] * 8
