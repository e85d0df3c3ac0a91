"""Addresses of static files change with what they hold, those of modules with what they import too."""

from __future__ import annotations

import re
from contextlib import aclosing
from pathlib import Path

import pytest

from app.web import assets
from app.web.assets import STATIC, STYLES, static_content, static_url
from tests.conftest import Server


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Static files of our own."""
    monkeypatch.setattr(assets, "STATIC", tmp_path)
    (tmp_path / "js").mkdir()
    forget()
    yield tmp_path / "js"
    forget()


def forget() -> None:
    static_content.cache_clear()
    static_url.cache_clear()


def test_a_module_has_another_address_when_what_it_imports_changes(files: Path) -> None:
    (files / "one.js").write_text('import { two } from "./two.js";\nconst text = \'from "./two.js";\';\n')
    (files / "two.js").write_text("export const two = 2;\n")
    before = static_url("js/one.js")
    assert static_content("js/one.js").decode().startswith(f'import {{ two }} from "{static_url("js/two.js")}";\n')
    assert static_content("js/one.js").decode().endswith("'from \"./two.js\";';\n")
    forget()
    (files / "two.js").write_text("export const two = 3;\n")
    assert static_url("js/one.js") != before


async def test_the_style_sheet_holds_all_of_them_the_order_of_layers_first(shared_server: Server) -> None:
    async with aclosing(shared_server.client("acme")) as client:
        address = static_url(STYLES)
        assert f'<link rel="stylesheet" href="{address}">' in (await client.get("/login")).text
        sheet = await client.get(address)
    assert sheet.headers["content-type"] == "text/css; charset=utf-8"
    assert "immutable" in sheet.headers["cache-control"]
    assert sheet.text.startswith("@layer ")
    assert all(path.read_text() in sheet.text for path in (STATIC / "css").glob("*.css"))


async def test_every_module_is_there_under_the_address_it_is_imported_by(shared_server: Server) -> None:
    async with aclosing(shared_server.client("acme")) as client:
        for path in (STATIC / "js").glob("*.js"):
            script = await client.get(static_url(f"js/{path.name}"))
            assert script.status_code == 200
            assert script.headers["content-type"] == "text/javascript; charset=utf-8"
            assert "immutable" in script.headers["cache-control"]
            assert len(re.findall(r"^import\b", path.read_text(), re.MULTILINE)) == script.text.count(".js?v=")
        for name in ("nothing.js", "..%2Fcss%2Fbase.css", "%2e%2e%2f%2e%2e%2fsettings.py"):
            assert (await client.get(f"/static/js/{name}")).status_code == 404
