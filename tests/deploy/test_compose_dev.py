"""docker-compose.dev.yml: it needs nothing but itself, and serves what is in this folder."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from app.cli import commands
from app.settings import read_settings
from tests.conftest import ROOT
from tests.deploy.compose import fill, service
from tests.deploy.test_caddy import CADDY
from tests.deploy.test_compose import known_to

WRITTEN = yaml.safe_load((ROOT / "docker-compose.dev.yml").read_text())
# Filled in with nothing: what has to be given would fail here.
DESCRIBED: dict[str, Any] = fill(WRITTEN, {})
WEB, PROXY = DESCRIBED["services"]["web"], DESCRIBED["services"]["caddy"]


def test_every_variable_is_known_to_what_it_is_set_for() -> None:
    assert set(WEB["environment"]) <= known_to("web")
    assert set(PROXY["environment"]) <= known_to("caddy")


@pytest.mark.parametrize(("address", "port"), [("", ""), ("https://hero.localhost:8443", "8443")])
def test_the_program_takes_its_settings(address: str, port: str, tmp_path: Path) -> None:
    filled: Any = fill(WRITTEN, {"BASE_URL": address, "HTTPS_PORT": port})
    environment = filled["services"]["web"]["environment"]
    settings = read_settings(environment | {"DATA_DIR": str(tmp_path)})
    assert settings.base_url == (address or "https://hero.localhost")
    assert settings.database_url.startswith("sqlite")
    assert f"127.0.0.1:{port or 443}:{port or 443}" in filled["services"]["caddy"]["ports"]
    assert settings.base_host.partition(":")[0] == filled["services"]["caddy"]["environment"]["BASE_HOST"]


def test_it_is_reached_from_this_machine_alone() -> None:
    assert "ports" not in WEB
    assert all(port.startswith("127.0.0.1:") for port in PROXY["ports"])


def test_the_code_of_this_folder_is_what_runs() -> None:
    (folder,) = re.findall(r"^WORKDIR (/srv\S*)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    mounted = dict(volume.removesuffix(":ro").split(":") for volume in WEB["volumes"])
    assert {source: target for source, target in mounted.items() if source.startswith(".")} == {
        "./app": f"{folder}/app",
        "./migrations": f"{folder}/migrations",
        "./docs/guide": f"{folder}/docs/guide",
    }
    for volume in (*WEB["volumes"], *PROXY["volumes"]):
        source = volume.split(":")[0]
        assert (ROOT / source).exists() if source.startswith(".") else source in DESCRIBED["volumes"], volume


def test_its_commands_are_known_and_end_in_a_server_that_reloads() -> None:
    shell, option, line = WEB["command"]
    assert (shell, option) == ("sh", "-c")
    *_, serve = parts = [shlex.split(part.strip()) for part in line.split("&&")]
    for part in parts:
        words = [word for word in part if word != "exec"]
        assert words[:3] == ["python", "-m", "app"]
        parsed = commands.commands[words[3]].make_context(
            words[3], words[4:], parent=click.Context(commands, help_option_names=["-h", "--help"])
        )
        assert "--reload" not in part or parsed.params["reload"]
    assert "--reload" in serve


def test_the_proxy_is_the_one_of_production(tmp_path: Path) -> None:
    assert PROXY["image"] == service("caddy")["image"]
    assert "./deploy/Caddyfile:/etc/caddy/Caddyfile:ro" in PROXY["volumes"]
    environment = PROXY["environment"] | {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    checked = subprocess.run(
        [CADDY, "adapt", "--config", ROOT / "deploy" / "Caddyfile", "--adapter", "caddyfile"],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert checked.returncode == 0, checked.stderr
    assert '"module":"internal"' in checked.stdout
    assert '"name":"live"' not in checked.stdout, "sockets go to a container that there is not"
