"""Templates: one Jinja environment for each language, every value escaped, nothing undefined."""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_eval_context, select_autoescape
from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream
from jinja2.nodes import EvalContext
from markupsafe import Markup

from app.web.assets import module_tags, static_url
from app.web.forms import make_key
from app.web.texts import LANGUAGES, Text, keep_in_place, translations

APP = Path(__file__).parent.parent


def render(language: str, template: str, **context: Any) -> str:
    """Render a template in a language."""
    return environment(language if language in LANGUAGES else "en").get_template(template).render(context)


@cache
def environment(language: str) -> Environment:
    """The environment of one language."""
    made = OneLanguage(
        loader=FileSystemLoader(APP / "templates"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n", "jinja2.ext.do", Constants],
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        finalize=keep_in_place,
    )
    texts = translations(language)
    made.install_gettext_callables(texts.gettext, texts.ngettext, newstyle=True)  # type: ignore[attr-defined]
    made.globals.update(_=write_with(texts.gettext), gettext=write_with(texts.gettext))
    made.globals.update(static=static_url, modules=write_modules, make_key=make_key)
    made.globals.update(language=language, language_tag=language.replace("_", "-"))
    made.filters.update(
        text=lambda value: value.translate(language) if isinstance(value, Text) else value,
        initials=initials,
        hue=hue,
        moment=moment,
        clock=clock,
    )
    return made


class OneLanguage(Environment):
    """An environment whose globals are all there before its first template: each has a dictionary of them.

    Jinja's own are seen through a `ChainMap`, which is written in Python and copied each time a template is rendered.
    """

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        """The globals of a template."""
        return {**self.globals, **(d or {})}


class Constants(Extension):
    """Writes `{{ _("…") }}`, `{{ static("…") }}` and `{{ modules("…") }}` when a template is compiled.

    What they give is always the same, and need not be asked for each time it is rendered.
    """

    CALL = ("variable_begin", "name", "lparen", "string", "rparen", "variable_end")

    def filter_stream(self, stream: TokenStream) -> Iterator[Token]:
        """Put what such a call gives in its place."""
        waiting: list[Token] = []
        for token in stream:
            waiting.append(token)
            if token.type != self.CALL[len(waiting) - 1]:
                yield from waiting
                waiting = []
            elif len(waiting) == len(self.CALL):
                yield from self.write(waiting)
                waiting = []
        yield from waiting

    def write(self, call: list[Token]) -> list[Token]:
        """The text that a call gives; for any other call, the call."""
        name, argument = call[1].value, call[3].value
        if name == "static":
            text = static_url(argument)
        elif name == "modules":
            text = module_tags(argument)
        elif name == "_":
            text = translations(str(self.environment.globals["language"])).gettext(argument) % {}
        else:
            return call
        return [Token(call[0].lineno, "data", text)]


def write_modules(names: str) -> Markup:
    """The tags of modules."""
    return Markup(module_tags(names))  # noqa: S704  (our own names)


def write_with(translate: Callable[[str], str]) -> Callable[..., str]:
    """Jinja's `_("…", name=value)`, which would ask its context three times for each text."""

    @pass_eval_context
    def write(template: EvalContext, message: str, /, **values: Any) -> str:
        if not template.autoescape:  # a mail's text
            return translate(message) % values
        return Markup(translate(message)) % values if values else plain(message)  # noqa: S704  (our own text)

    @cache
    def plain(message: str) -> Markup:
        return Markup(translate(message)) % {}  # noqa: S704

    return write


def initials(name: str) -> str:
    """The two letters that stand for a person without a picture."""
    words = [word for word in name.split() if word[0].isalnum()] or ["?"]
    letters = words[0][:2] if len(words) == 1 else words[0][0] + words[-1][0]
    return letters.upper()


def hue(identifier: int) -> int:
    """One of the eight avatar colours of css/avatar.css, the same for a person everywhere."""
    return identifier * 5 % 8


def moment(value: datetime | date) -> Markup:
    """A `<time>` that times.js turns into the reader's own zone and words; plain UTC without JavaScript."""
    if isinstance(value, datetime):
        shown = value.strftime("%Y-%m-%d %H:%M UTC")
        stamp = value.strftime("%Y-%m-%dT%H:%M:%SZ")
    else:
        shown = stamp = value.isoformat()
    return Markup('<time datetime="{}">{}</time>').format(stamp, shown)


def clock(value: datetime) -> Markup:
    """A `<time>` as the time of day, "14:05", with the date when it is not today's."""
    stamp = value.strftime("%Y-%m-%dT%H:%M:%SZ")
    return Markup('<time datetime="{}" data-clock>{}</time>').format(stamp, value.strftime("%H:%M UTC"))
