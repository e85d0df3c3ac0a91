"""The documents name what is there."""

from __future__ import annotations

import re
import tomllib
from datetime import date
from pathlib import Path

import pytest
import yaml
from PIL import Image

import app
from app.guide.guide import make_anchor
from app.live.channels import PATTERNS
from app.server.asgi import create_app
from tools import site

ROOT = Path(__file__).parent.parent
BESIDE = sorted(ROOT.glob("*.md"))
DOCUMENTS = [*BESIDE, *sorted((ROOT / "docs").glob("*.md"))]
FENCED = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)


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
    groups = project["dependency-groups"]
    for requirement in (*project["project"]["dependencies"], *groups["dev"], *groups["docs"]):
        name = re.split(r"[\[;<>= ]", requirement)[0]
        assert re.search(rf"\b{re.escape(name)}\b", page), name


def list_anchors(document: Path) -> set[str]:
    """The anchors of a document's headings."""
    titles = re.findall(r"^#+ (.+)$", FENCED.sub("", document.read_text()), re.MULTILINE)
    return {make_anchor(re.sub(r"[`*]|\]\([^)]*\)|\[", "", title)) for title in titles}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_leads_to_a_file_and_to_a_heading_in_it(document: Path) -> None:
    for target, anchor in re.findall(r"\]\((?!\w+:)([^)#]*)#?([^)]*)\)", FENCED.sub("", document.read_text())):
        there = document.parent / target if target else document
        assert there.exists(), target
        if anchor and there.suffix == ".md":
            assert anchor in list_anchors(there), f"{target}#{anchor}"


def list_commands(document: Path) -> list[str]:
    """The lines of a document's blocks of commands."""
    blocks = re.findall(r"^```(?:sh|sql)\n(.*?)^```", document.read_text(), re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


def test_the_portuguese_readme_names_commands_of_the_english_one_in_its_order() -> None:
    english, portuguese = (list_commands(ROOT / name) for name in ("README.md", "README.pt-BR.md"))
    assert len(portuguese) > 20
    left = iter(english)
    assert [line for line in portuguese if line not in left] == [], "not in the English one, or in another order"


def test_the_readmes_lead_to_each_other_and_show_two_browsers_in_motion() -> None:
    for name, other, language in (("README.md", "README.pt-BR.md", "en"), ("README.pt-BR.md", "README.md", "pt-BR")):
        text = (ROOT / name).read_text()
        assert f"]({other})" in text
        (picture,) = re.findall(rf"\]\((\S+\.{language}\.webp)\)", text)
        assert (ROOT / picture).stat().st_size < 1_500_000
        with Image.open(ROOT / picture) as shown:
            assert shown.n_frames > 5


def test_the_newest_version_of_the_changelog_is_the_programs() -> None:
    released = re.findall(
        r"^## (\d+\.\d+\.\d+) - (\d{4}-\d{2}-\d{2})$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE
    )
    assert released[0][0] == app.__version__
    date.fromisoformat(released[0][1])


def test_what_the_site_lists_is_every_document() -> None:
    nav = tomllib.loads((ROOT / "zensical.toml").read_text())["project"]["nav"]
    pages = [page for group in nav for pages in group.values() for page in pages]
    listed = {next(iter(page.values())) if isinstance(page, dict) else page for page in pages}
    there = {str(path.relative_to(ROOT / "docs")) for path in (ROOT / "docs").rglob("*.md")}
    assert listed == there | set(site.BESIDE.values())
    assert set(site.BESIDE) == {path.name for path in BESIDE}


def test_links_of_the_site_lead_to_where_documents_are_on_it() -> None:
    readme = ROOT / "README.md"
    assert (
        site.move_links("[a](docs/api.md#x) ![b](docs/pictures/a.png)", readme) == "[a](api.md#x) ![b](pictures/a.png)"
    )
    guide = ROOT / "docs" / "guide" / "en" / "index.md"
    assert site.move_links("[a](../../../README.md) [b](https://a.example/README.md)", guide) == (
        "[a](../../index.md) [b](https://a.example/README.md)"
    )


def test_what_github_is_given_runs_what_is_there() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "checks.yml").read_text())
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    run = "\n".join(step.get("run", "") for step in steps)
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert set(re.findall(r"^make (\S+)", run, re.MULTILINE)) == {"check", "docs", "test"} <= set(targets)
    assert "pip wheel" in run
    assert "docker build" in run
    for form in (ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"):
        read = yaml.safe_load(form.read_text())
        assert form.stem == "config" or {"name", "description", "body"} <= read.keys()


@pytest.mark.parametrize(
    "document", [each for each in DOCUMENTS if each.name != "CHANGELOG.md"], ids=lambda path: path.name
)
def test_every_module_that_is_named_is_there(document: Path) -> None:
    for named in re.findall(r"`([\w/.-]+/[\w.-]+\.(?:py|js|html|css))`", document.read_text()):
        assert any((ROOT / folder / named).exists() for folder in ("", "app", "app/static", "tests")), named
