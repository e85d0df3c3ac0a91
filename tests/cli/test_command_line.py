"""The command line: help, clear words for what is wrong, and a backup that can be used."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from app import __version__
from app.cli import commands, main
from app.demo import PASSWORD
from tests.conftest import Server, end_server, free_port
from tests.databases import Store


def list_commands(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """A command and all that are below it."""
    yield path
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            yield from list_commands(inner, (*path, name))


@pytest.mark.parametrize("path", list(list_commands(commands)), ids=" ".join)
def test_every_command_has_help(path: tuple[str, ...]) -> None:
    for flag in ("--help", "-h"):
        result = CliRunner().invoke(commands, [*path, flag])
        assert result.exit_code == 0
        assert result.output.startswith("Usage:")
        assert len(result.output.splitlines()[2].split()) > 2, "the help does not say what the command does"


def test_every_option_says_what_it_is_for() -> None:
    for path in list_commands(commands):
        command: click.Command = commands
        for name in path:
            assert isinstance(command, click.Group)
            command = command.commands[name]
        for parameter in command.params:
            if isinstance(parameter, click.Option) and not isinstance(parameter.type, click.Choice):
                assert parameter.help, (path, parameter.name)


def test_the_version_is_said() -> None:
    result = CliRunner().invoke(commands, ["--version"])
    assert result.output == f"mutirao, version {__version__}\n"


BAD_SETTINGS = [
    ("BASE_URL", "hero.localhost", "BASE_URL: hero.localhost must look like"),
    ("BASE_URL", "http://example.org", "BASE_URL: http://example.org needs https"),
    ("BASE_URL", "https://example.org/path", "must look like https://example.org, without a path"),
    ("BASE_URL", "https://Example.org", "must be in lower case"),
    ("BASE_URL", "http://hero.localhost:99999", "is not an address"),
    ("BASE_URL", "http://[", "is not an address"),
    ("BASE_URL", "https://example.org", "SECRET_KEY: is missing"),
    ("SECRET_KEY", "short", "SECRET_KEY: must have 32 characters or more"),
    ("DATABASE_URL", "mysql://localhost/x", "DATABASE_URL: "),
    ("WORKERS", "many", "WORKERS: many is not a whole number of at least 1"),
    ("WORKERS", "0", "WORKERS: 0 is not a whole number of at least 1"),
    ("REDIS_URL", "localhost:6379", "REDIS_URL: must look like redis://"),
    ("REDIS_URL", "redis://", "REDIS_URL: must look like redis://"),
    ("REDIS_URL", "redis://localhost:99999", "REDIS_URL: is not an address"),
    ("REDIS_URL", "redis://localhost/first", "REDIS_URL: must look like redis://"),
    ("SMTP_URL", "mail.example.org", "SMTP_URL: must look like"),
    ("METRICS_NETWORKS", "everybody", "METRICS_NETWORKS: "),
    ("DATA_DIR", "/proc/nothing", "DATA_DIR: /proc/nothing can't be used"),
]


@pytest.mark.parametrize(("name", "value", "words"), BAD_SETTINGS)
def test_a_bad_setting_is_one_clear_line(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    name: str,
    value: str,
    words: str,
) -> None:
    for other in {other for other, _, _ in BAD_SETTINGS}:
        monkeypatch.delenv(other, raising=False)
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.argv", ["app", "migrate"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert words in printed.err
    assert len(printed.err.splitlines()) == 1


def test_a_bad_setting_stops_the_server_before_it_listens(tmp_path: Path) -> None:
    server = Server(tmp_path, free_port(), {"WORKERS": "none"})
    result = server.run("serve", "--port", str(server.port))
    assert result.returncode == 2
    assert result.stderr == "WORKERS: none is not a whole number of at least 1\n"


def test_a_port_that_is_taken_is_one_clear_line(shared_server: Server, tmp_path: Path) -> None:
    second = Server(tmp_path, shared_server.port)
    result = second.run("serve", "--port", str(shared_server.port))
    assert result.returncode == 2
    assert result.stderr.splitlines()[-1].startswith(f"PORT: {shared_server.port} can't be listened on")
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("member", "suspend", "nobody", "ana@acme.test"), "there is no workspace nobody"),
        (("member", "suspend", "acme", "gil@globex.test"), "there is no member gil@globex.test in acme"),
        (("member", "remove", "globex", "gil@globex.test"), "The last owner of a workspace can't leave it."),
        (("member", "add", "acme", "ana@acme.test", "--name", "Ana", "--password", PASSWORD), "is already a member"),
        (("member", "add", "acme", "eva at acme", "--name", "", "--password", "x"), "At least 10 characters."),
        (("record", "add", "acme", "books", "title=X", "--as", "gil@globex.test"), "there is no member"),
        (("record", "add", "acme", "nothing", "title=X", "--as", "ana@acme.test"), "there is no such thing"),
        (("record", "add", "acme", "books", "colour=red", "--as", "ana@acme.test"), "books has no field colour"),
        (("record", "add", "acme", "books", "year=soon", "--as", "ana@acme.test"), "This can't be empty."),
    ],
)
def test_what_can_not_be_done_is_one_clear_line(shared_server: Server, arguments: tuple[str, ...], words: str) -> None:
    result = shared_server.run(*arguments)
    assert result.returncode == 1
    assert words in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.sqlite
async def test_a_backup_of_a_running_server_can_be_served(shared_server: Server, tmp_path: Path) -> None:
    async with aclosing(await shared_server.sign_in("acme", "ana@acme.test")) as ana:
        assert (await ana.post("/c/books/new", data={"title": "In the backup"})).status_code == 303
        written = shared_server.run("backup", str(tmp_path / "mutirao.sqlite"))
        assert written.returncode == 0, written.stderr
        assert (await ana.post("/c/books/new", data={"title": "Too late for it"})).status_code == 303
    copy = Server(tmp_path, free_port())
    copy.start()
    try:
        async with aclosing(await copy.sign_in("acme", "carla@acme.test")) as carla:
            page = (await carla.get("/c/books")).text
            assert "In the backup" in page
            assert "Too late for it" not in page
            assert (await carla.post("/c/books/new", data={"title": "The copy goes on"})).status_code == 303
    finally:
        end_server(copy)


@pytest.mark.sqlite
def test_a_backup_overwrites_nothing(shared_server: Server, tmp_path: Path) -> None:
    path = tmp_path / "precious"
    path.write_text("precious")
    result = shared_server.run("backup", str(path))
    assert result.returncode == 1
    assert "is there already" in result.stderr
    assert path.read_text() == "precious"


def test_the_demo_says_addresses_with_the_port_that_is_asked_for(empty: Store) -> None:
    printed = Server(empty.directory, free_port(), {"BASE_URL": ""}).run("demo", "--port", "9123").stdout
    assert "http://acme.hero.localhost:9123/" in printed


def test_the_demo_is_made_once_and_says_how_to_sign_in(empty: Store) -> None:
    server = Server(empty.directory, free_port())
    for words in ("The demo is ready.", "The demo already exists."):
        result = server.run("demo")
        assert result.returncode == 0, result.stderr
        assert words in result.stdout
        for part in (f"http://acme.{server.base_host}", f"http://globex.{server.base_host}", "ana@acme.test", PASSWORD):
            assert part in result.stdout
    assert (empty.directory / "secret_key").stat().st_mode & 0o077 == 0


def mode_of(path: Path) -> str:
    return oct(stat.S_IMODE(path.stat().st_mode))


@pytest.mark.sqlite
def test_nobody_else_can_read_what_the_program_keeps(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    server = Server(data_dir, 1)
    assert server.run("migrate").returncode == 0
    assert (mode_of(data_dir), mode_of(data_dir / "mutirao.sqlite")) == ("0o700", "0o600")
    assert mode_of(data_dir / "secret_key") == "0o600"
    assert server.run("backup", str(tmp_path / "copy.sqlite")).returncode == 0
    assert mode_of(tmp_path / "copy.sqlite") == "0o600"


@pytest.mark.sqlite
def test_what_an_earlier_version_left_open_is_closed_and_said(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    server = Server(data_dir, 1)
    assert server.run("migrate").returncode == 0
    data_dir.chmod(0o755)
    (data_dir / "mutirao.sqlite").chmod(0o644)
    again = server.run("migrate")
    assert (mode_of(data_dir), mode_of(data_dir / "mutirao.sqlite")) == ("0o700", "0o600")
    assert (again.stdout + again.stderr).count("others could read this, and can't any more") == 2
