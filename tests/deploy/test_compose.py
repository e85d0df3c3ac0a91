"""docker-compose.yml: what it sets is known to what it is set for, and its commands do what they are there for."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
import yaml

from app.server.workers import END_WITHIN
from app.settings import SettingsError, read_settings
from tests.conftest import ROOT, Server, free_port
from tests.databases import cluster
from tests.deploy.compose import SECRETS, fill, list_example, read_compose, read_example, service
from tests.deploy.test_caddy import CADDY

SERVICES = sorted(read_compose()["services"])
PROGRAM = ["live", "migrate", "web"]
LIBPQ = {"PGHOST", "PGDATABASE", "PGUSER", "PGPASSWORD"}
SCRIPTS = {"backups": "backup.sh", "restore": "restore.sh"}


def known_to(name: str) -> set[str]:
    """The environment variables that what runs in a service reads."""
    if name in PROGRAM:
        source = (ROOT / "app" / "settings.py").read_text()
        return set(re.findall(r'(?:environment(?:\.get\(|\[|, ))"([A-Z_]+)"', source))
    if name == "caddy":
        return set(re.findall(r"\{\$([A-Z_]+)", (ROOT / "deploy" / "Caddyfile").read_text()))
    if name == "postgres":  # https://hub.docker.com/_/postgres
        asked = re.findall(r"\\getenv \w+ (\w+)", (ROOT / "deploy" / "postgresql.sql").read_text())
        return {"POSTGRES_PASSWORD", "POSTGRES_INITDB_ARGS", *asked}
    if name == "redis":  # https://redis.io/docs/latest/develop/tools/cli/
        return {"REDISCLI_AUTH"}
    # Both scripts share their settings.
    scripts = "".join((ROOT / "deploy" / script).read_text() for script in SCRIPTS.values())
    return LIBPQ | set(re.findall(r"\$\{([A-Z_]+)", scripts))


@pytest.mark.parametrize("name", SERVICES)
def test_every_variable_is_known_to_what_it_is_set_for(name: str) -> None:
    assert set(service(name)["environment"]) <= known_to(name)


def test_the_example_names_every_variable_with_its_default() -> None:
    source = (ROOT / "docker-compose.yml").read_text()
    used = dict(re.findall(r"\$\{([A-Z_]+)(?::-([^}]*))?", source))
    example = list_example()
    assert used.keys() == example.keys()
    for name, default in re.findall(r"\$\{([A-Z_]+):-([^}]+)\}", source):
        assert name == "BACKUP_VOLUME" or example[name] in (default, "local"), name


@pytest.mark.parametrize("name", [*SECRETS, "DOMAIN", "ACME_EMAIL"])
def test_what_has_no_default_stops_the_start(name: str) -> None:
    unset = read_example() | {name: ""}
    with pytest.raises(AssertionError, match=f"^{name}: "):
        fill(yaml.safe_load((ROOT / "docker-compose.yml").read_text()), unset)


@pytest.mark.parametrize("name", PROGRAM)
def test_the_program_takes_its_settings(name: str, tmp_path: Path) -> None:
    settings = read_settings(service(name)["environment"] | {"DATA_DIR": str(tmp_path)})
    assert settings.base_url == "https://team.example.org"
    assert settings.database_url.startswith("postgresql+asyncpg://mutirao:")
    assert settings.forwarded_allow_ips == read_compose()["networks"]["front"]["ipam"]["config"][0]["subnet"]
    assert bool(settings.database_owner_url) == (name == "migrate")
    assert settings.file_limit_megabytes == 25


def test_a_password_of_the_database_is_in_the_settings_that_need_it_alone() -> None:
    variables = read_example()
    having = {
        secret: {name for name in SERVICES if variables[secret] in str(service(name)["environment"])}
        for secret in SECRETS
    }
    assert having == {
        "SECRET_KEY": {"web", "live", "migrate"},
        "POSTGRES_PASSWORD": {"postgres", "restore"},
        "OWNER_PASSWORD": {"postgres", "migrate"},
        "PROGRAM_PASSWORD": {"postgres", "web", "live", "migrate"},
        "BACKUP_PASSWORD": {"postgres", "backups"},
        "REDIS_PASSWORD": {"redis", "web", "live", "migrate"},
    }


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_is_bounded(name: str) -> None:
    described = service(name)
    assert described["logging"]["options"].keys() == {"max-size", "max-file"}
    assert described["security_opt"] == ["no-new-privileges:true"]
    assert described["pids_limit"] == 512
    assert re.fullmatch(r"\d+[mg]", described["mem_limit"])
    if name != "postgres":  # its image changes its user and the rights of its folders at the start
        assert described["read_only"] is True
        assert described["cap_drop"] == ["ALL"]


def test_the_proxy_alone_is_reached_from_outside() -> None:
    assert [name for name in SERVICES if "ports" in service(name)] == ["caddy"]
    # Whoever is in the network of the proxy is believed when it tells of an address.
    assert [name for name in SERVICES if "front" in service(name)["networks"]] == ["caddy", "live", "web"]
    assert read_compose()["networks"]["back"]["internal"] is True


@pytest.mark.parametrize("name", SERVICES)
def test_what_a_service_names_is_there(name: str) -> None:
    described, whole = service(name), read_compose()
    assert set(described["networks"]) <= whole["networks"].keys()
    for volume in described.get("volumes", []):
        source = volume.split(":")[0]
        assert (ROOT / source).is_file() if source.startswith(".") else source in whole["volumes"], volume
    for other, condition in described.get("depends_on", {}).items():
        needed = service(other)
        if condition["condition"] == "service_healthy":
            assert "healthcheck" in needed or other in PROGRAM, other  # the program's is in its image
        else:
            assert condition["condition"] == "service_completed_successfully"
            assert needed["restart"] == "no"


def test_the_program_waits_for_the_migration_and_has_time_to_end() -> None:
    for name in ("web", "live"):
        assert service(name)["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
        assert int(service(name)["stop_grace_period"].removesuffix("s")) > END_WITHIN + 10


def test_the_proxy_is_the_one_that_is_tested(tmp_path: Path) -> None:
    described = service("caddy")
    assert "./deploy/Caddyfile:/etc/caddy/Caddyfile:ro" in described["volumes"]
    version = subprocess.run([CADDY, "version"], capture_output=True, text=True, check=True).stdout
    assert described["image"] == f"caddy:{'.'.join(version.removeprefix('v').split('.')[:2])}-alpine"
    for tls in ("acme", "local"):
        environment = described["environment"] | {"TLS": tls, "PATH": os.environ["PATH"], "HOME": str(tmp_path)}
        checked = subprocess.run(
            [CADDY, "validate", "--config", ROOT / "deploy" / "Caddyfile", "--adapter", "caddyfile"],
            env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert checked.returncode == 0, checked.stderr


def test_the_backups_are_made_by_the_scripts_that_are_tested() -> None:
    for name, script in SCRIPTS.items():
        assert f"./deploy/{script}:/deploy/{script}:ro" in service(name)["volumes"]
        assert service(name)["entrypoint"] == ["/bin/sh", f"/deploy/{script}"]
        assert service(name)["image"] == service("postgres")["image"]
    assert "./deploy/postgresql.sql:/docker-entrypoint-initdb.d/roles.sql:ro" in service("postgres")["volumes"]


def command_of(test: list[str]) -> list[str]:
    """What Docker runs for a healthcheck."""
    return ["/bin/sh", "-c", test[1]] if test[0] == "CMD-SHELL" else test[1:]


def is_healthy(test: list[str], **environment: str) -> bool:
    done = subprocess.run(
        command_of(test), env={"PATH": os.environ["PATH"], **environment}, capture_output=True, timeout=30, check=False
    )
    return done.returncode == 0


def wait_until_healthy(test: list[str], **environment: str) -> None:
    deadline = time.monotonic() + 20
    while not is_healthy(test, **environment):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def elsewhere(test: list[str], *changes: tuple[str, str]) -> list[str]:
    """A healthcheck that looks at another port, as the usual one may be taken here."""
    for before, after in changes:
        assert any(before in word for word in test)
        test = [word.replace(before, after) for word in test]
    return test


def test_the_program_is_healthy_when_it_serves(server: Server) -> None:
    written = re.search(r"HEALTHCHECK .*\\\n\s+CMD (\[.*\])", (ROOT / "Dockerfile").read_text())
    assert written
    test = ["CMD", *ast.literal_eval(written[1])]
    assert is_healthy(test, PORT=str(server.port))
    server.stop()
    assert not is_healthy(test, PORT=str(server.port))


def test_the_image_is_made_of_what_is_there() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    copied = re.findall(r"^COPY ((?!--from).*) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    sources = {source for line in copied for source in line.split()}
    assert sources >= {"app", "migrations", "pyproject.toml", "requirements.txt", "requirements-build.txt"}
    for source in sources:
        assert (ROOT / source).exists(), source
        assert source not in ignored


@pytest.mark.sqlite
def test_postgresql_is_healthy_when_it_listens(closed_port: int) -> None:
    test = service("postgres")["healthcheck"]["test"]
    environment = {"PATH": f"{cluster().programs}:{os.environ['PATH']}"}
    assert is_healthy(test, **environment, PGPORT=str(cluster().port))
    assert not is_healthy(test, **environment, PGPORT=str(closed_port))


@pytest.fixture
def processes() -> Iterator[list[subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for process in started:
        process.kill()
        process.wait(20)


def test_redis_is_healthy_and_wants_its_password(processes: list[subprocess.Popen[bytes]], tmp_path: Path) -> None:
    described, port = service("redis"), free_port()
    at_port = ("redis-server", f"redis-server --port {port} --bind 127.0.0.1")
    environment = {"PATH": os.environ["PATH"], **described["environment"]}
    processes.append(
        subprocess.Popen(
            elsewhere(described["command"], at_port), env=environment, cwd=tmp_path, stdout=subprocess.DEVNULL
        )
    )
    test = elsewhere(described["healthcheck"]["test"], ("redis-cli", f"redis-cli -p {port}"))
    wait_until_healthy(test, **described["environment"])
    assert not is_healthy(test, REDISCLI_AUTH="another")
    url = read_settings(service("web")["environment"] | {"DATA_DIR": str(tmp_path)}).redis_url
    with redis.Redis.from_url(url.replace("redis:6379", f"127.0.0.1:{port}")) as client:
        assert client.ping()
    with redis.Redis(port=port) as stranger, pytest.raises(redis.AuthenticationError):
        stranger.ping()


def test_the_proxy_is_healthy_when_it_runs(processes: list[subprocess.Popen[bytes]], tmp_path: Path) -> None:
    described, port = service("caddy"), free_port()
    assert shutil.which("wget"), "wget is missing: run tests/install-system-packages"
    environment: dict[str, Any] = {
        **described["environment"],
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "XDG_DATA_HOME": str(tmp_path),
        "CADDY_ADMIN": f"127.0.0.1:{port}",
        "HTTP_PORT": str(free_port()),
        "HTTPS_PORT": str(free_port()),
        "TLS": "local",
    }
    test = elsewhere(described["healthcheck"]["test"], ("2019", str(port)))
    assert not is_healthy(test)
    processes.append(
        subprocess.Popen(
            [CADDY, "run", "--config", ROOT / "deploy" / "Caddyfile", "--adapter", "caddyfile"],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    )
    wait_until_healthy(test)


def test_a_wrong_domain_is_refused(tmp_path: Path) -> None:
    wrong = fill(yaml.safe_load((ROOT / "docker-compose.yml").read_text()), read_example() | {"DOMAIN": "Team/x"})
    with pytest.raises(SettingsError, match="BASE_URL"):
        read_settings(wrong["services"]["web"]["environment"] | {"DATA_DIR": str(tmp_path)})
