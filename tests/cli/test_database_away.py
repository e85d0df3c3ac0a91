"""Every command says in one line that the database can't be reached."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import click
import pytest
from sqlalchemy.exc import InterfaceError

from app.cli import commands, main
from app.cli.transactions import in_one_line
from app.demo import PASSWORD
from app.settings import SettingsError
from tests.cli.test_command_line import list_commands
from tests.conftest import free_port

# What has to be given; whatever else is asked for is a word.
GIVEN = {
    "email": "ana@acme.test",
    "values": "title=X",
    "password": PASSWORD,
    "address": "https://hooks.example.org/",
}
# They serve, or need no database of PostgreSQL.
OTHERS = {"worker", "compile", "backup"}


def find_command(path: tuple[str, ...]) -> click.Command:
    """A command by its name."""
    command: click.Command = commands
    for name in path:
        assert isinstance(command, click.Group)
        command = command.commands[name]
    return command


def give(parameter: click.Parameter, tmp_path: Path) -> list[str]:
    """What a command is given for a parameter: nothing where it does without."""
    name, kind = parameter.name or "", parameter.type
    asks = isinstance(parameter, click.Option) and parameter.prompt is not None
    if not (parameter.required or asks or (name, isinstance(parameter, click.Argument)) == ("address", True)):
        return ["--remove"] if name == "remove" else []
    if isinstance(kind, click.Path):
        file = tmp_path / "given.sqlite"
        sqlite3.connect(file).close()
        value = str(file)
    elif isinstance(kind, click.Choice):
        value = kind.choices[0]
    else:
        value = GIVEN.get(name, "1" if kind is click.INT else "acme")
    return [parameter.opts[0], value] if isinstance(parameter, click.Option) else [value]


LEAVES = [path for path in list_commands(commands) if not isinstance(find_command(path), click.Group)]


@pytest.mark.sqlite
@pytest.mark.parametrize("path", [each for each in LEAVES if each[0] not in OTHERS], ids=" ".join)
def test_that_the_database_is_away_is_one_clear_line(
    path: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    away = f"127.0.0.1:{free_port()}"
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("DATABASE_URL", f"postgresql+asyncpg://mutirao:x@{away}/mutirao")
    monkeypatch.setenv("DATABASE_OWNER_URL", f"postgresql+asyncpg://owner:x@{away}/mutirao")
    for name in ("REDIS_URL", "SMTP_URL", "BASE_URL", "WORKERS"):
        monkeypatch.delenv(name, raising=False)
    given = [each for parameter in find_command(path).params for each in give(parameter, tmp_path)]
    monkeypatch.setattr("sys.argv", ["mutirao", *path, *given])
    with pytest.raises(SystemExit) as ended:
        main()
    printed = capfd.readouterr()
    if path == ("check",):
        assert ended.value.code == 1
        (line,) = [each for each in printed.out.splitlines() if "database:" in each]
        assert line.startswith("wrong ")
        assert printed.err == ""
        return
    assert ended.value.code == 2, printed.err
    assert printed.out == ""
    (line,) = printed.err.splitlines()
    assert line.startswith("DATABASE_URL: the database can't be reached: ")
    assert len(line) > 50, "and why"


@pytest.mark.sqlite
def test_an_error_without_a_word_is_one_clear_line_and_what_is_not_the_databases_is_not_called_so() -> None:
    silent: Any = TimeoutError()
    with pytest.raises(SettingsError, match=r"the database can't be reached: TimeoutError$"), in_one_line():
        raise InterfaceError("connect", None, silent)
    with pytest.raises(PermissionError), in_one_line():
        raise PermissionError("a picture can't be kept")
