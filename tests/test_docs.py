"""The documents name what is there."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from app.live.channels import PATTERNS
from app.server.asgi import create_app

ROOT = Path(__file__).parent.parent
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]


def test_the_readme_names_every_setting() -> None:
    source = (ROOT / "app" / "settings.py").read_text()
    names = set(re.findall(r'(?:environment(?:\.get\(|\[|, ))"([A-Z_]+)"', source))
    assert len(names) > 8
    for name in names:
        assert f"`{name}`" in (ROOT / "README.md").read_text(), name


def test_the_security_page_names_every_channel_with_its_rule() -> None:
    assert create_app  # importing it registers all channels
    page = (ROOT / "docs" / "security.md").read_text()
    for pattern in PATTERNS:
        assert f"| `{pattern.name}` |" in page, pattern.name


def test_the_development_page_gives_a_reason_for_every_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    page = (ROOT / "docs" / "development.md").read_text()
    for requirement in (*project["project"]["dependencies"], *project["dependency-groups"]["dev"]):
        name = re.split(r"[\[;<>= ]", requirement)[0]
        assert re.search(rf"\b{re.escape(name)}\b", page), name


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_leads_to_a_file(document: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text()):
        assert (document.parent / target).exists(), target


@pytest.mark.parametrize(
    "document", [each for each in DOCUMENTS if each.name != "CHANGELOG.md"], ids=lambda path: path.name
)
def test_every_module_that_is_named_is_there(document: Path) -> None:
    for named in re.findall(r"`([\w/.-]+/[\w.-]+\.(?:py|js|html|css))`", document.read_text()):
        assert any((ROOT / folder / named).exists() for folder in ("", "app", "app/static", "tests")), named
