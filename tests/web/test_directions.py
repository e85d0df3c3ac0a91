"""Whatever somebody wrote, the texts beside it keep their direction (Unicode's bidirectional algorithm)."""

from __future__ import annotations

import re
from contextlib import aclosing

from app.web.templates import APP, environment
from app.web.texts import _l
from tests.browser.test_accessible import list_pages
from tests.conftest import Server
from tests.databases import KIND
from tests.fields import make_field

TURNS = re.compile("[\u202a-\u202e\u2066-\u2069]")
TURNED = "\u202eturned \u2067about\u2069\u2069 é"


def test_a_value_in_a_template_turns_nothing_around() -> None:
    template = environment("en").from_string(
        "{{ a }} {{ _('Deleted by %(name)s', name=a) }} {% trans name=a %}{{ name }} asks to edit{% endtrans %}"
        '{% macro show(b) %}<b title="{{ b }}">{{ b }}</b>{% endmacro %}{{ show(a) }}'
    )
    assert template.render(a=f"<{TURNED}>") == (
        "&lt;turned about é&gt; Deleted by &lt;turned about é&gt; &lt;turned about é&gt; asks to edit"
        '<b title="&lt;turned about é&gt;">&lt;turned about é&gt;</b>'
    )


def test_a_value_in_a_text_of_a_mail_turns_nothing_around() -> None:
    assert _l("Deleted by %(name)s", name=TURNED).translate("pt_BR") == "Excluída por turned about é"


def test_marks_of_direction_stay() -> None:
    assert environment("en").from_string("{{ a }}").render(a="שלום\u200f!") == "שלום\u200f!"


def test_a_record_holds_none() -> None:
    assert make_field("text").read(TURNED) == "turned about é"
    assert make_field("long_text").read(f"{TURNED}\n{TURNED}") == "turned about é\nturned about é"


async def test_no_page_shows_one_that_is_there_from_before(server: Server) -> None:
    """Behind the program's back it is put into every column of text that people fill in."""
    for table, column in (
        *(("tenant", "name"), ("member", "name"), ("collection", "name"), ("field", "label"), ("field", "help")),
        *(("room", "name"), ("message", "text"), ("message", "plain"), ("announcement", "title")),
    ):
        server.store.rows(f"UPDATE {table} SET {column} = {column} || ?", TURNED)
    typed, kept = ('"values"', "") if KIND == "sqlite" else ('"values"::text', "::jsonb")
    server.store.rows(f"""UPDATE record SET "values" = replace({typed}, '"}}', ?){kept}""", f'{TURNED}"}}')
    async with aclosing(await server.sign_in("acme", "ana@acme.test")) as ana:
        for path in list_pages():
            page = (await ana.get(path)).text
            assert not TURNS.search(page), path
        assert "turned about" in (await ana.get("/c/books")).text


def test_styles_name_the_start_and_the_end_of_lines_and_no_left_and_right() -> None:
    sides = re.compile(r"(?<![\w-])((margin|padding|border)-)?(left(?!: 50%)|right)[\w-]*:|text-align: (left|right)")
    shorthand = re.compile(r"(?<![\w-])(?:margin|padding|border-width): [^;\s]+ ([^;\s]+) [^;\s]+ ([^;\s]+);")
    for path in [*(APP / "static" / "css").rglob("*.css"), *(APP / "static" / "late").rglob("*.css")]:
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if ".text .right" in line or "rotate: " in line:  # what somebody aligns in a table; a sign that is turned
                continue
            assert not sides.search(line), f"{path.name}, line {number}"
            for right, left in shorthand.findall(line):
                assert right == left, f"{path.name}, line {number}: {right} {left}"
