"""The wheel: it holds all that the program needs, and what is installed from it serves from anywhere."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import tomllib
import venv
from dataclasses import dataclass
from importlib.metadata import PathDistribution, distribution
from pathlib import Path
from zipfile import ZipFile

import httpx
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import app
from tests.conftest import ROOT, free_port

PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, as `pip wheel .` makes it; what makes it is installed already."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run([*PIP, "wheel", "--no-deps", "--no-build-isolation", "-w", folder, ROOT], check=True)
    (made,) = folder.glob("*.whl")
    return made


def list_locked() -> dict[str, str]:
    """The versions in requirements.txt of what is needed here."""
    lines = re.findall(r"^([a-z0-9].*?) \\$", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    needed = [Requirement(line) for line in lines]
    return {
        each.name: str(each.specifier).removeprefix("==")
        for each in needed
        if each.marker is None or each.marker.evaluate()
    }


@dataclass
class Installed:
    """The program in an environment of its own, with an empty folder of data and another one to run it in."""

    programs: Path
    packages: Path
    folder: Path
    port: int

    @property
    def environment(self) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "DATA_DIR": str(self.folder.parent / "data"), "PORT": str(self.port)}

    def run(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a program of the environment to its end."""
        command = [self.programs / words[0], *words[1:]]
        return subprocess.run(
            command, cwd=self.folder, env=self.environment | environment, capture_output=True, text=True, check=False
        )


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """A bare environment with the versions of the lock and the wheel, and nothing else.

    The packages of the lock are links to the ones that are installed here: a copy would take a minute.
    """
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder / "environment", with_pip=False, symlinks=True)
    made = Installed(
        folder / "environment" / "bin",
        next((folder / "environment").glob("lib/python*/site-packages")),
        folder / "elsewhere",
        free_port(),
    )
    for name, version in list_locked().items():
        found = distribution(name)
        assert found.version == version
        for part in {file.parts[0] for file in found.files or ()} - {"..", "__pycache__"}:
            if not (made.packages / part).exists():
                (made.packages / part).symlink_to(Path(str(found.locate_file(part))).resolve())
    command = [*PIP, "--python", made.programs / "python", "install", "--no-deps", "--no-compile", "--no-index", wheel]
    subprocess.run(command, check=True)
    # Another program of the same name in the folder that one is in is not meant.
    (made.folder / "app").mkdir(parents=True)
    (made.folder / "app" / "__init__.py").write_text("raise SystemExit('this is another program')")
    return made


def test_the_wheel_holds_every_file_of_the_program_the_migrations_and_the_guide(wheel: Path) -> None:
    def list_files(folder: Path) -> set[str]:
        return {
            str(path.relative_to(folder.parent))
            for path in folder.rglob("*")
            if path.is_file() and path.suffix not in (".pyc", ".pot")
        }

    expected = list_files(ROOT / "app") | {f"app/{name}" for name in list_files(ROOT / "migrations")}
    expected |= {name.replace("guide", "app/guide/texts", 1) for name in list_files(ROOT / "docs" / "guide")}
    held = {name for name in ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert held == expected
    assert {Path(name).suffix for name in held} >= {".py", ".html", ".txt", ".js", ".css", ".svg", ".po", ".mako"}


def test_what_makes_the_wheel_is_the_version_of_the_lock() -> None:
    described = tomllib.loads((ROOT / "pyproject.toml").read_text())
    (required,) = described["build-system"]["requires"]
    assert described["dependency-groups"]["build"] == [required]
    for name in ("requirements-build.txt", "requirements-dev.txt"):
        assert f"\n{required} \\\n" in (ROOT / name).read_text(), f"{name}: run `make lock`"


def test_the_wheel_asks_for_what_the_lock_pins(wheel: Path) -> None:
    (metadata,) = [name for name in ZipFile(wheel).namelist() if name.endswith(".dist-info/METADATA")]
    with ZipFile(wheel) as archive:
        text = archive.read(metadata).decode()
    asked = {Requirement(line) for line in re.findall(r"^Requires-Dist: (.*)$", text, re.MULTILINE)}
    needed = {each.name for each in asked if each.marker is None or each.marker.evaluate()}
    assert needed <= list_locked().keys()
    assert f"\nVersion: {app.__version__}\n" in text


def test_the_installed_command_is_the_program(installed: Installed) -> None:
    there = {
        canonicalize_name(found.metadata["Name"]): found.version
        for path in installed.packages.glob("*.dist-info")
        for found in [PathDistribution(path)]
    }
    assert there == {**list_locked(), "mutirao": app.__version__}
    completed = installed.run(
        "mutirao", _MUTIRAO_COMPLETE="bash_complete", COMP_WORDS="mutirao mig", COMP_CWORD="1"
    ).stdout
    assert completed == "plain,migrate\n"


def test_what_is_installed_serves_the_demo_from_another_folder(installed: Installed) -> None:
    with (installed.folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [installed.programs / "mutirao", "demo", "--serve"],
            cwd=installed.folder, env=installed.environment, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{installed.port}") as client:
            client.headers["host"] = f"acme.hero.localhost:{installed.port}"
            page = wait_for(client, process, installed.folder / "log")
            assert "Sign in" in page.text
            styles = re.search(r'href="(/static/\w+/app\.css)"', page.text)
            assert styles
            assert "@layer" in client.get(styles[1]).text
            for name in ("js/live.js", "vendor/htmx.min.js"):
                assert client.get(f"/static/{name}").headers["content-type"].startswith("text/javascript")
            client.headers["host"] = f"hero.localhost:{installed.port}"
            assert "Criar espaço" in client.get("/signup", headers={"accept-language": "pt-BR"}).text
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(40)
    assert "Password for all: mutirao-demo" in (installed.folder / "log").read_text()


def wait_for(client: httpx.Client, process: subprocess.Popen[bytes], log: Path) -> httpx.Response:
    """The page to sign in, as soon as somebody answers."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            return client.get("/login")
        except httpx.TransportError:
            time.sleep(0.05)
    raise RuntimeError(log.read_text())
