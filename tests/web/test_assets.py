"""Static files: their addresses change with what they hold, and they are sent once, together and compressed."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path

import httpx
import pytest

from app.web import assets
from app.web.assets import (
    IMPORT,
    JOINED,
    SCRIPTS,
    STATIC,
    STYLES,
    module_tags,
    static_content,
    static_names,
    static_url,
    static_version,
)
from app.web.static import takes_gzip
from tests.conftest import Server

OWN = STATIC / "js"
MADE = (static_names, static_version, static_content, static_url, module_tags)
OTHER = "0123456789ab"


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Static files of our own."""
    monkeypatch.setattr(assets, "STATIC", tmp_path)
    monkeypatch.setattr(assets, "JOINED", {})
    monkeypatch.setattr(assets, "load_kept", lambda name: None)  # of the program's own files
    for name in ("js", "css"):
        (tmp_path / name).mkdir()
    forget()
    yield tmp_path / "js"
    forget()


def forget() -> None:
    for made in MADE:
        made.cache_clear()


async def ask(server: Server, address: str, **headers: str) -> httpx.Response:
    async with aclosing(server.client("acme")) as client:
        return await client.get(address, headers=headers)


def test_all_have_other_addresses_when_one_changes(files: Path) -> None:
    (files / "one.js").write_text('import { two } from "./two.js";\n')
    (files / "two.js").write_text("export const two = 2;\n")
    before = static_url("js/one.js")
    forget()
    (files / "two.js").write_text("export const two = 3;\n")
    assert static_url("js/one.js") != before


def test_a_page_asks_for_a_module_and_for_what_that_imports_at_once(files: Path) -> None:
    (files / "one.js").write_text('import { two } from "./two.js";\nconst text = \'from "./four.js";\';\n')
    (files / "two.js").write_text('import "./three.js";\nimport { one } from "./one.js";\n')
    (files / "three.js").write_text("\n")
    preloaded = "".join(f'<link rel="modulepreload" href="{static_url(f"js/{name}.js")}">' for name in ("two", "three"))
    assert module_tags("one") == preloaded + f'<script type="module" src="{static_url("js/one.js")}"></script>'


def test_what_is_said_of_a_script_is_not_sent_and_its_lines_keep_their_numbers(files: Path) -> None:
    (files / "one.js").write_text('// About it.\nconst one = "//";   // here\n  // There.\none;\n')
    assert static_content("js/one.js") == b'\nconst one = "//";\n\none;\n'


def test_what_lines_of_a_script_are_indented_by_is_not_sent_and_none_is_within_a_text(files: Path) -> None:
    (files / "one.js").write_text("if (one) {\n  two(1,  2);\n}\n")
    assert static_content("js/one.js") == b"if (one) {\ntwo(1,  2);\n}\n"
    for path in OWN.glob("*.js"):
        comment = assets.COMMENTS["js"]
        assert all(comment.sub(b"", line).count(b"`") % 2 == 0 for line in path.read_bytes().splitlines()), path.name


def test_modules_that_are_sent_as_one_share_what_they_import(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assets, "JOINED", {"js/all.js": ("js/one.js", "js/two.js")})
    (files / "one.js").write_text('import { a, b } from "./shared.js";\nconst mine = a(b);\n')
    (files / "two.js").write_text(
        'import { c, b } from "./shared.js";\nimport { d } from "./other.js";\nconst mine = b(c, d);\n'
    )
    (files / "shared.js").write_text("export const a = 1, b = 2, c = 3;\n")
    (files / "other.js").write_text("export const d = 4;\n")
    assert static_content("js/all.js").decode().splitlines() == [
        *('import { a, b, c } from "./shared.js";', 'import { d } from "./other.js";'),
        *("{", "", "const mine = a(b);", "", "}"),
        *("{", "", "", "const mine = b(c, d);", "", "}"),
    ]
    assert module_tags("all").count("modulepreload") == 2


def test_what_one_of_them_exports_is_for_those_after_it(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assets, "JOINED", {"js/all.js": ("js/one.js", "js/two.js")})
    (files / "one.js").write_text("const mine = 1;\nexport const a = mine;\nexport function b() { return a; }\n")
    (files / "two.js").write_text(
        'import { a, b } from "./one.js";\nimport { c } from "./shared.js";\nconst mine = a + b(c);\n'
    )
    (files / "shared.js").write_text("export const c = 3;\n")
    assert static_content("js/all.js").decode().splitlines() == [
        'import { c } from "./shared.js";',
        *("const { a, b } = (() => {", "const mine = 1;", "const a = mine;", "function b() { return a; }", ""),
        *("return { a, b };", "})();"),
        *("{", "", "", "const mine = a + b(c);", "", "}"),
    ]
    assert module_tags("all").count("modulepreload") == 1


@pytest.mark.parametrize("names", [("two", "one"), ("two",)])
def test_what_comes_later_or_goes_by_another_name_is_not_there(names: tuple[str, ...]) -> None:
    texts = {"one": "export const a = 1;", "two": f'import {{ a{" as b" * (len(names) == 1)} }} from "./one.js";'}
    with pytest.raises(ValueError, match="comes later or under that name alone"):
        assets.join_scripts({name: texts[name] for name in names} | texts)


def test_a_module_that_is_sent_with_others_is_there_once() -> None:
    """Any other module that named it would get one of its own, with what it keeps."""
    for joined, scripts in JOINED.items():
        own = {Path(script).name for script in scripts if script.startswith("js/")}
        others = [path for path in OWN.glob("*.js") if path.name not in own]
        named = {name for path in others for name in re.findall(r"""["']\./([\w-]+\.js)["']""", path.read_text())}
        assert not named & own, joined


@pytest.mark.parametrize(
    "line",
    [
        'import "./shared.js";',
        'import shared from "./shared.js";',
        'import * as shared from "./shared.js";',
        'import {\n  a,\n} from "./shared.js";',
        "export { mine };",
        "export default mine;",
        "export let a = 1;",
    ],
)
def test_what_a_block_may_not_hold_is_not_joined(line: str) -> None:
    with pytest.raises(ValueError, match="joined to others"):
        assets.join_scripts({"one": f"const mine = 1;\n{line}\n"})


@pytest.mark.parametrize(("one", "two"), [("a, b", "c, a"), ("a", "b as a"), ("a as c", "b as c")])
def test_a_name_that_stands_for_two_things_is_not_joined_as_it_would_be_declared_twice(one: str, two: str) -> None:
    scripts = {
        f"of {module}": f'import {{ {names} }} from "./{module}.js";' for names, module in ((one, "one"), (two, "two"))
    }
    with pytest.raises(ValueError, match="would be declared twice"):
        assets.join_scripts(scripts)


async def test_the_style_sheet_holds_all_of_them_the_order_of_layers_first(shared_server: Server) -> None:
    address = static_url(STYLES)
    assert f'<link rel="stylesheet" href="{address}">' in (await ask(shared_server, "/login")).text
    sheet = await ask(shared_server, address)
    assert sheet.headers["content-type"] == "text/css; charset=utf-8"
    assert "immutable" in sheet.headers["cache-control"]
    assert sheet.text.startswith("@layer ")
    assert "/*" not in sheet.text
    for path in (STATIC / "css").glob("*.css"):
        own = re.sub(r"[ \t]*/\*.*?\*/", "", path.read_text(), flags=re.DOTALL)
        assert assets.squeeze(own.encode()).decode() in sheet.text


def test_a_style_sheet_is_squeezed_where_spaces_say_nothing() -> None:
    assert assets.squeeze(b"a , b { c: d  e; }\n.f :is(g) { h: calc(1px + 2px); }") == (
        b"a,b{c:d  e}.f :is(g){h:calc(1px + 2px)}"
    )


def test_what_is_asked_of_a_whole_page_styles_what_it_names() -> None:
    """Else any element that comes or goes, and any class that changes, has every element of the page styled anew."""
    sheet = static_content(STYLES).decode()
    selectors = {part.strip() for part in re.findall(r"[{};]([^{};@]+)(?=\{)", sheet)}
    assert any(":has(" in selector for selector in selectors)
    for selector in selectors:
        assert not re.search(r"[+~] \*", selector), selector
        assert not re.search(r":has\(.*[ >]\*$", selector), selector
        assert not re.search(r":has\(.*\w [+~] [a-z]", selector), selector


async def test_a_static_file_is_allowed_nothing_by_itself(shared_server: Server) -> None:
    policy = (await ask(shared_server, static_url("vendor/icons.svg"))).headers["content-security-policy"]
    assert policy == "default-src 'none'; frame-ancestors 'none'"


async def test_every_script_is_there_and_so_is_what_it_imports(shared_server: Server) -> None:
    async with aclosing(shared_server.client("acme")) as client:
        for name in sorted({*JOINED, *(f"js/{path.name}" for path in (STATIC / "js").glob("*.js"))}):
            script = await client.get(static_url(name))
            assert script.status_code == 200
            assert script.headers["content-type"] == "text/javascript; charset=utf-8"
            assert "immutable" in script.headers["cache-control"]
            imported = IMPORT.findall(script.text)
            assert len(imported) == len(re.findall(r"^import\b", script.text, re.MULTILINE)), name
            assert {f"js/{other}.js" for other in imported} <= static_names()
            if name in JOINED:
                assert not re.search(r"^export\b", script.text, re.MULTILINE), name
            if name == SCRIPTS:
                assert not imported


@pytest.mark.parametrize(
    "name",
    ["js/nothing.js", "js/..%2Fcss%2Fbase.css", "%2e%2e%2fsettings.py", "js/%2e%2e/%2e%2e/settings.py", "js/", ""],
)
@pytest.mark.parametrize("folder", [static_version(), OTHER, ""])
async def test_nothing_else_is_there(shared_server: Server, folder: str, name: str) -> None:
    assert (await ask(shared_server, f"/static/{folder}{'/' if folder else ''}{name}")).status_code == 404


@pytest.mark.parametrize("prefix", [f"/static/{OTHER}/", "/static/"])
async def test_what_a_page_of_another_version_asks_for_is_what_there_is_and_nobody_keeps_it(
    shared_server: Server, prefix: str
) -> None:
    answer = await ask(shared_server, prefix + SCRIPTS)
    assert answer.content == static_content(SCRIPTS)
    assert answer.headers["cache-control"] == "no-store"


async def test_who_takes_files_compressed_gets_them_so(shared_server: Server) -> None:
    for name in (STYLES, SCRIPTS, "vendor/icons.svg"):
        async with aclosing(shared_server.client("acme")) as client:
            for accepted, encoding in (("gzip, deflate, br", "gzip"), ("identity", None)):
                async with client.stream("GET", static_url(name), headers={"accept-encoding": accepted}) as answer:
                    sent = b"".join([part async for part in answer.aiter_raw()])
                assert answer.headers.get("content-encoding") == encoding
                assert answer.headers["vary"] == "accept-encoding"
                assert answer.headers["content-length"] == str(len(sent))
                assert (gzip.decompress(sent) if encoding else sent) == static_content(name)
            head = await client.head(static_url(name))
            assert (head.status_code, head.content) == (200, b"")


@pytest.mark.parametrize(
    ("accepted", "taken"),
    [
        *(("", False), ("br", False), ("gzip", True), ("br, GZip;q=0.5", True), ("gzip; q=0", False)),
        *(("gzip;q=0.000", False), ("identity, gzip;q=1", True), ("x-gzip", False), ("*", False)),
    ],
)
def test_what_a_client_takes_is_what_it_says(accepted: str, taken: bool) -> None:
    assert takes_gzip(accepted) == taken


async def test_pages_are_not_compressed_as_that_would_tell_of_what_is_secret_in_them(shared_server: Server) -> None:
    async with aclosing(await shared_server.sign_in("acme", "ana@acme.test")) as ana:
        page = await ana.get("/c/books", headers={"accept-encoding": "gzip, br"})
    assert "content-encoding" not in page.headers
    assert page.headers["x-static"] == static_version()
