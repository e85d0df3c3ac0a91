"""Templates and scripts agree on names: docs/page.md has each that is used, and none that is not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app.web import assets
from app.web.assets import STATIC
from app.web.templates import APP

CONTRACT = (APP.parent / "docs" / "page.md").read_text()
SAID = set(re.findall(r"`([^`]+)`", CONTRACT))
# What libraries call theirs.
OTHERS = {"data-htmx-powered", "data-ts-item", "hx-partial"}
# What stays a classic script, and can't import: htmx's first event finds it there.
CLASSIC = [Path(name).stem for name in assets.JOINED[assets.SCRIPTS] if name.startswith("js/")]
DATA = r"\bdata-[a-z]+(?:-[a-z]+)*\b"
COMMENT = re.compile(r"^\s*//[^\n]*|\{#.*?#\}", re.MULTILINE | re.DOTALL)


def read(*files: Path) -> str:
    return "\n".join(COMMENT.sub("", path.read_text()) for path in files)


TEMPLATES = read(*(APP / "templates").rglob("*.html"))
SCRIPTS = read(*(STATIC / "js").glob("*.js"))
STYLES = read(*(STATIC / "css").rglob("*.css"), *(STATIC / "late").glob("*.css"))
PROGRAM = read(*APP.rglob("*.py"))


def kebab(name: str) -> str:
    return "data-" + re.sub("[A-Z]", lambda letter: "-" + letter[0].lower(), name)


def test_every_attribute_is_in_the_contract() -> None:
    used = set(re.findall(DATA, TEMPLATES + SCRIPTS + STYLES + PROGRAM))
    used |= {kebab(name) for name in re.findall(r"\bdataset\.(\w+)", SCRIPTS)}
    assert used - OTHERS == {name for name in SAID if re.fullmatch(DATA, name)}


def test_every_attribute_is_for_a_script_or_a_style_or_says_that_it_is_for_neither() -> None:
    outside = {"data-figure", "data-bus"}
    words = set(re.findall(r"[\w-]+", SCRIPTS + STYLES))
    for name in set(re.findall(DATA, TEMPLATES)) - outside:
        camel = re.sub("-([a-z])", lambda letter: letter[1].upper(), name.removeprefix("data-"))
        assert {name, camel} & words, name


def test_every_element_is_in_the_contract_and_its_script_says_what_it_does() -> None:
    defined = set(re.findall(r'customElements\.define\("([^"]+)"', SCRIPTS))
    assert set(re.findall(r"<([a-z]+-[a-z-]+)", TEMPLATES)) - OTHERS == defined
    assert {name for name in SAID if re.fullmatch(r"<[a-z]+-[a-z-]+>", name)} - {"<hx-partial>"} == {
        f"<{name}>" for name in defined
    }


def test_every_event_of_ours_is_in_the_contract_and_has_somebody_to_hear_it() -> None:
    told = set(re.findall(r'new CustomEvent\("([a-z]+:[a-z]+)"', SCRIPTS))
    heard = set(re.findall(r'addEventListener\("([a-z]+:[a-z]+)"', SCRIPTS))
    heard |= {
        name
        for names in re.findall(r"for \(const name of \[([^]]+)\]\)", SCRIPTS)
        for name in re.findall(r'"([^"]+)"', names)
    }
    heard = {name for name in heard if ":" in name and not name.startswith("htmx:")}
    assert told == heard
    assert told == {name for name in SAID if re.fullmatch(r"[a-z]+:[a-z]+", name)}


def test_what_scripts_share_is_imported_by_name_and_one_global_is_ours() -> None:
    """A script that calls what it has not imported works only where another has been loaded before it."""
    exported = re.findall(r"\bexport (?:const|function) (\{ [^}]+ \}|\w+)", read(STATIC / "js" / "page.js"))
    shared = {name for each in exported for name in re.findall(r"(\w+)(?: [,}]|,|$)", each)}
    assert {"me", "workspace", "call", "fetchPage", "leaveWith", "morph", "isTyped"} <= shared
    for path in (STATIC / "js").glob("*.js"):
        if path.stem in {*CLASSIC, "page"}:
            continue
        script = read(path)
        imported = {
            name for names in re.findall(r"^import \{ (.+) \} from", script, re.M) for name in names.split(", ")
        }
        rest = re.sub(r"^import .*$", "", script, flags=re.M)
        own = set(re.findall(r"(?:const|function) (\w+)", rest))
        called = set(re.findall(r"(?<![.\w#])(?<!get )(\w+)\(", rest))
        assert called & shared <= imported | own, path.name
        assert imported <= set(re.findall(r"\w+", rest)), path.name
        assert "mutirao" not in rest, path.name
    everything = re.sub(r"globalThis\.(TomSelect|Sortable)", "", SCRIPTS)
    assert set(re.findall(r"globalThis\.(\w+)", everything)) == {"mutirao"}


def test_everything_that_is_pushed_has_a_place_in_the_contract() -> None:
    targets = set(re.findall(r'hx-target="(#[^"]+)"', re.sub(r"\{\{.*?\}\}", "…", TEMPLATES)))
    tables = CONTRACT.partition("## What is pushed where")[2]
    assert targets == set(re.findall(r"`(#[^`]+)`", tables))


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`([\w-]+\.js)`", CONTRACT)) - {"app.js"}))
def test_every_script_that_is_named_is_there(name: str) -> None:
    assert (STATIC / "js" / name).exists()


def test_what_asks_by_itself_is_made_ready_as_it_comes() -> None:
    asking = r"\bhx-(?:get|post|put|patch|delete|query|action|method|on|ws:\w+)\b"
    ready = (STATIC / "js" / "boosting.js").read_text().replace("\\", "")
    assert {name for name in re.findall(asking, TEMPLATES + SCRIPTS) if f"[{name}]" not in ready} == set()
