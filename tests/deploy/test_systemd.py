"""Without Docker: the unit and the settings that docs/deploy.md gives start the real server."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx

from app.settings import read_settings
from tests.conftest import ROOT, free_port
from tests.databases import Store

DOCUMENT = (ROOT / "docs" / "deploy.md").read_text()


def read_unit() -> dict[str, str]:
    lines = (ROOT / "deploy" / "mutirao.service").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if re.match(r"[A-Za-z]+=", line))


def read_documented_settings() -> dict[str, str]:
    """What the document writes to /etc/mutirao.env."""
    block = re.search(r"cat > /etc/mutirao.env <<END\n(.*?)END\n", DOCUMENT, re.DOTALL)
    assert block
    text = block[1].replace("$(openssl rand -hex 32)", "0123456789abcdef" * 2)
    return dict(line.split("=", 1) for line in text.splitlines())


def test_the_unit_serves_with_the_settings_of_the_document(empty: Store) -> None:
    unit, port = read_unit(), free_port()
    assert unit["EnvironmentFile"] == "/etc/mutirao.env"
    environment = dict(pair.split("=", 1) for pair in shlex.split(unit["Environment"])) | read_documented_settings()
    assert environment["DATA_DIR"] == f"/var/lib/{unit['StateDirectory']}"
    environment |= {"PATH": os.environ["PATH"], "DATA_DIR": str(empty.directory), "PORT": str(port)}
    environment |= empty.environment
    assert read_settings(environment).base_url == "https://team.example.org"
    program, *arguments = shlex.split(unit["ExecStart"])
    assert program == f"{unit['WorkingDirectory']}/.venv/bin/mutirao"
    process = subprocess.Popen(
        [sys.executable, "-m", "app", *arguments], cwd=ROOT, env=environment, stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                page = httpx.get(f"http://127.0.0.1:{port}/", headers={"host": "team.example.org"})
                break
            except httpx.TransportError:
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.05)
        assert page.status_code == 200
        assert "Mutirão" in page.text
        process.send_signal(signal.SIGTERM)
        assert process.wait(int(unit["TimeoutStopSec"])) in (0, -signal.SIGTERM)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(20)


def test_caddy_is_told_of_nothing_that_it_does_not_read() -> None:
    block = re.search(r"```ini\n\[Service\]\n(.*?)```", DOCUMENT, re.DOTALL)
    assert block
    told = set(re.findall(r"([A-Z_]+)=", block[1]))
    assert told == {"BASE_HOST", "ACME_EMAIL", "WEB_HOST", "LIVE_HOST"}
    assert told <= set(re.findall(r"\{\$([A-Z_]+)", (ROOT / "deploy" / "Caddyfile").read_text()))


def test_every_file_that_the_document_names_is_there() -> None:
    for name in set(re.findall(r"deploy/[a-zA-Z.]+[a-zA-Z]", DOCUMENT)):
        if name != "deploy/backup":
            assert (ROOT / Path(name)).is_file(), name
