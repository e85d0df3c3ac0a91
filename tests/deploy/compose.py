"""What docker-compose.yml says, with the variables of .env.example put in, as `docker compose` does it."""

from __future__ import annotations

import functools
import re
from typing import Any

import yaml

from tests.conftest import ROOT

SECRETS = ("SECRET_KEY", "POSTGRES_PASSWORD", "OWNER_PASSWORD", "PROGRAM_PASSWORD", "BACKUP_PASSWORD", "REDIS_PASSWORD")
VARIABLE = re.compile(r"\$(?:\$|\{([A-Z_]+)(?:(:-|:\?)([^}]*))?\})")
ASSIGNMENT = re.compile(r"^#?([A-Z_]+)=(.*)$", re.MULTILINE)


def read_example() -> dict[str, str]:
    """The variables of .env.example: those that are set, with secrets in their places."""
    text = (ROOT / ".env.example").read_text()
    found = {line.partition("=")[0]: line.partition("=")[2] for line in text.splitlines() if re.match("[A-Z]", line)}
    return found | {name: format(number, "064x") for number, name in enumerate(SECRETS, 1)}


def list_example() -> dict[str, str]:
    """All variables that .env.example names, also those that are commented out."""
    return dict(ASSIGNMENT.findall((ROOT / ".env.example").read_text()))


def fill(value: Any, variables: dict[str, str]) -> Any:
    """Put variables in (https://docs.docker.com/reference/compose-file/interpolation/)."""
    if isinstance(value, dict):
        return {key: fill(each, variables) for key, each in value.items()}
    if isinstance(value, list):
        return [fill(each, variables) for each in value]
    if not isinstance(value, str):
        return value

    def put(match: re.Match[str]) -> str:
        name, operator, other = match.groups()
        if name is None:
            return "$"
        if variables.get(name):
            return variables[name]
        assert operator != ":?", f"{name}: {other}"
        return other or ""

    return VARIABLE.sub(put, value)


@functools.cache
def read_compose() -> dict[str, Any]:
    """The whole file."""
    return dict(fill(yaml.safe_load((ROOT / "docker-compose.yml").read_text()), read_example()))


def service(name: str) -> dict[str, Any]:
    """One service."""
    return dict(read_compose()["services"][name])
