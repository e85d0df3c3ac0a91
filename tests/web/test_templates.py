"""What is constant in a template is what the call would give, in each language; and parts are what they were apart."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import DictLoader, UndefinedError
from jinja2.meta import find_referenced_templates
from markupsafe import Markup, escape

from app.web.assets import static_url
from app.web.fast.compiled_templates import OneLanguage, write_value
from app.web.templates import APP, compile_pushes, environment
from app.web.texts import LANGUAGES, keep_in_place, translations

TEXTS = ("Reply", "React", "Delete message", "100 %% of it", "A text that nobody has translated & <b>marked</b>")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("text", TEXTS)
def test_a_constant_text_is_what_the_call_gives(language: str, text: str) -> None:
    made = environment(language)
    constant, called = f'{{{{ _("{text}") }}}}', f'{{{{ (_("{text}")) }}}}'
    assert "gettext" not in made.compile(constant, raw=True)
    assert made.from_string(constant).render() == made.from_string(called).render()
    assert made.from_string(constant).render() == translations(language).gettext(text) % {}


def test_a_constant_address_is_what_the_call_gives() -> None:
    made = environment("en")
    assert made.from_string("{{ static('logo.svg') }}").render() == static_url("logo.svg")
    assert "static" not in made.compile("<img src=\"{{ static('logo.svg') }}\">", raw=True).replace("/static/", "")


def test_a_constant_icon_is_what_the_call_gives() -> None:
    made = environment("en")
    constant, called = (
        '{% import "macros.html" as ui %}' + each for each in ("{{ ui.icon('x') }}", "{{ (ui.icon('x')) }}")
    )
    assert "icon" not in made.compile(constant, raw=True).replace("icons.svg", "").replace('class="icon"', "")
    assert made.from_string(constant).render() == made.from_string(called).render()


def including(**parts: str) -> OneLanguage:
    """An environment that has these parts beside the templates that there are."""
    made = environment("en").overlay(loader=DictLoader(parts))
    assert isinstance(made, OneLanguage)
    return made


def test_a_part_is_put_in_the_place_where_it_is_included() -> None:
    made = including(part="[{{ name }}{% set name = 'its own' %}{{ name }}]")
    source = '{{ name }}{% include "part" %}{{ name }}'
    assert "get_template" not in made.compile(source, raw=True)
    assert made.from_string(source).render(name="a") == "a[aits own]a"


def test_a_part_knows_what_is_set_around_it() -> None:
    made = including(part="{{ name }}{{ of.name }}{% if more is defined %}{{ more }}{% endif %};")
    source = '{% for of in all %}{% with name = of.name ~ "!" %}{% include "part" %}{% endwith %}{% endfor %}'
    assert made.from_string(source).render(all=[{"name": "a"}, {"name": "<"}]) == "a!a;&lt;!&lt;;"
    assert made.from_string('{% set more = "b" %}{% include "part" %}').render(name="a", of={"name": ""}) == "ab;"


def test_a_part_that_has_itself_in_it_ends_where_it_says() -> None:
    made = including(part='{{ n }}{% if n %}{% with n = n - 1 %}{% include "part" %}{% endwith %}{% endif %}')
    assert made.from_string('{% include "part" %}').render(n=3) == "3210"


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_pushed_is_compiled_with_all_that_it_asks_for(language: str) -> None:
    environment.cache_clear()
    compile_pushes()
    made = environment(language)
    assert made.cache is not None
    compiled = {name for _, name in made.cache}
    assert {"records/row_push.html", "records/_row.html", "records/_value.html"} <= compiled
    assert made.loader is not None
    for name in compiled:
        source, filename, _ = made.loader.get_source(made, name)
        assert set(find_referenced_templates(made._parse(source, name, filename))) <= compiled


@given(st.one_of(st.text(), st.integers(), st.booleans(), st.none(), st.text().map(Markup)))
def test_a_value_is_written_as_it_is_escaped(value: object) -> None:
    assert write_value(value) == escape(keep_in_place(value))
    assert environment("en").from_string("{{ value }}").render(value=value) == escape(keep_in_place(value))


def test_what_is_not_there_is_still_an_error() -> None:
    with pytest.raises(UndefinedError):
        environment("en").from_string("{{ value }}").render()


@given(
    st.lists(
        st.sampled_from(
            [
                *("{{ ", " }}", "_", "(", ")", '"x"', "name", "| upper", "{{ _('y') }}", "text ", "~"),
                *("ui", ".", "icon", "{{ ui.icon('x') }}"),
            ]
        )
    )
)
def test_whatever_else_stands_in_a_template_stays(pieces: list[str]) -> None:
    source = "".join(pieces)
    made, plain = environment("en"), environment("en").overlay(extensions=["jinja2.ext.i18n", "jinja2.ext.do"])
    plain.extensions = {name: each for name, each in plain.extensions.items() if "Constants" not in name}

    def outcome(template: object) -> object:
        try:
            ui = environment("en").get_template("macros.html").module
            return made.__class__.from_string(template, source).render(name="<n>", ui=ui)  # type: ignore[arg-type]
        except Exception as error:
            return type(error)

    assert outcome(made) == outcome(plain)


def test_a_part_of_an_amount_has_the_point_of_the_language() -> None:
    written = [
        environment(language).from_string("{{ 1234.56 | amount(1) }} {{ 7 | amount }}").render()
        for language in ("en", "pt_BR")
    ]
    assert written == ["1,234.6 7", "1.234,6 7"]


def test_arguments_are_still_escaped() -> None:
    made = environment("pt_BR")
    shown = made.from_string('{{ _("Deleted by %(name)s", name=name) }}').render(name="<b>")
    assert shown == "Excluída por &lt;b&gt;"


# Forms whose text is kept in another way: on the server while it is typed, and by the box of a room.
# What a question asks for (a name, to be sure) is not kept: it is to be typed anew.
KEPT_OTHERWISE = ('id="record-form"', 'id="composer"', "in carried")
TYPED_FIELD = r'ui\.input\((?![^\n]*type="password")|<input (?![^>]*type="(?:hidden|checkbox|radio|file|password)")'
TEXT_FIELD = (
    r'ui\.input\((?![^\n]*type="password")|<select|<input (?![^>]*type="(?:hidden|checkbox|radio|file|password)")'
)
PAGES = [path for path in sorted((APP / "templates").rglob("*.html")) if "workspace.html" in path.read_text()]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_a_form_that_takes_a_while_to_fill_in_keeps_what_is_typed(page: object) -> None:
    """A textarea, a field that takes a text, or two that take a choice: it has to be in `{% call ui.kept() %}`."""
    source = page.read_text()  # type: ignore[attr-defined]
    kept = [found.span() for found in re.finditer(r"{% call ui\.kept\(.*?{% endcall %}", source, re.DOTALL)]
    for form in re.finditer(r'<form [^>]*method="post".*?</form>', source, re.DOTALL):
        texts = len(re.findall(TEXT_FIELD, form[0])) + 2 * len(re.findall(r"<textarea (?![^>]*hidden)", form[0]))
        texts += len(re.findall(TYPED_FIELD, form[0]))
        if texts >= 2 and not any(each in form[0] for each in KEPT_OTHERWISE):
            assert any(start < form.start() < end for start, end in kept), form[0][:120]


# What is pushed to many, and is the same for all of them: scripts name the member.
PUSHED = {
    "chat/_message.html",
    *("editing/_control.html", "editing/_lock.html"),
    *("records/_actions.html", "records/_record.html"),
}
# For people who are not signed in, or whose account is another one.
WITHOUT_MEMBER = {
    *("tenants/enter.html", "tenants/forgotten.html", "tenants/login.html", "tenants/password.html"),
    *("tenants/front.html", "tenants/find.html", "tenants/signup.html", "notifications/unsubscribe.html"),
    *("operators/frame.html", "operators/login.html", "operators/suspend.html", "operators/workspaces.html"),
    *("tenants/confirm.html", "tenants/join.html"),
}


def test_each_form_names_the_member_of_its_page() -> None:
    nameless = set()
    for page in (APP / "templates").rglob("*.html"):
        for form in re.finditer(r'<form [^>]*method="post".*?</form>', page.read_text(), re.DOTALL):
            carries = "in carried" in form[0]  # what it asks for again has it already
            if "ui.mine()" not in form[0] and "for-member=" not in form[0] and 'name="for-member"' not in form[0]:
                nameless |= set() if carries else {str(page.relative_to(APP / "templates"))}
    assert nameless == PUSHED | WITHOUT_MEMBER


def test_scripts_ask_by_the_functions_that_name_the_member() -> None:
    asking = r"\bfetch\(|\bsendBeacon\(|\bXMLHttpRequest\(\)"
    found = {path.name: re.findall(asking, path.read_text()) for path in (APP / "static/js").glob("*.js")}
    assert {name: calls for name, calls in found.items() if calls} == {
        "calls.js": ["fetch(", "sendBeacon(", "fetch("],  # the last for htmx, which has named the member
        **{"sign-up.js": ["fetch("], "languages.js": ["fetch("]},  # of nobody who is signed in
        # Static files, which are the same for everybody.
        **{"late-styles.js": ["fetch("], "emoji-kept.js": ["fetch("]},
        "upload.js": ["XMLHttpRequest()"],  # which tells of progress, and names the member, too
    }


def test_the_frame_of_live_pages_says_which_of_them_answer_a_form() -> None:
    frames = [path for path in (APP / "templates").rglob("*.html") if "data-cursor=" in path.read_text()]
    assert {path.name for path in frames} == {"workspace.html", "frame.html"}
    assert "data-answer=" in (APP / "templates/workspace.html").read_text()


def test_buttons_beside_each_other_stand_in_what_keeps_them_apart() -> None:
    """Spaces between lines are none where one wraps below the other, as on a phone."""
    touching = [
        f"{path.relative_to(APP)}: {line.strip()[:80]}"
        for path in sorted((APP / "templates").rglob("*.html"))
        for line in path.read_text().splitlines()
        for paragraph in re.findall(r"<p>.*?</p>", line)
        if len(re.findall(r'class="btn', paragraph)) > 1
    ]
    assert not touching


def test_numbers_in_a_column_of_numbers_are_written_as_the_language_does() -> None:
    cell = re.compile(r'<td class="[^"]*\bnumeric\b[^"]*">(?:<span[^>]*>)?\{\{ (.*?) \}\}')
    shown = [value for path in (APP / "templates").rglob("*.html") for value in cell.findall(path.read_text())]
    assert len(shown) > 8
    assert [value for value in shown if "|" not in value and not value.startswith("_(")] == []
