"""What a value is called is the workspace's language, wherever it is shown."""

from __future__ import annotations

from contextlib import aclosing

from tests.conftest import Server


async def test_yes_and_no_are_shown_in_the_language_of_the_workspace(server: Server) -> None:
    async with aclosing(await server.sign_in("acme", "ana@acme.test")) as ana:
        await ana.post("/settings", data={"name": "Acme", "language": "pt_BR", "session_days": "30"})
        made = await ana.post("/c/books/fields", data={"label": "Lido", "kind": "yes_no"})
        assert made.status_code == 303, made.text
        table = "number,title,Lido\n1,Os Lusíadas,sim\n,Um livro novo,sim\n"
        preview = (await ana.post("/c/books/import", data={"table": table})).text
        assert "<del>Não</del> → <ins>Sim</ins>" in preview
        assert "Lido: Sim" in preview
        assert "yes" not in preview.partition("left-alone")[2].partition("</ul>")[0]
        saved = await ana.post("/c/books/import", data={"table": table, "seen": "1:1"})
        assert saved.status_code == 303, saved.text
        assert "<del>Não</del> → <ins>Sim</ins>" in (await ana.get("/c/books/1")).text
