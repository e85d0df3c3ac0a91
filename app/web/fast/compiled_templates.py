"""Templates that ask for less when they are rendered: what is always the same is written when they are compiled.

Earns: 9 to 24 % of a page's time of the processor, 4 % of a message's (measured by bench/shortcuts.py on 2026-11-29).

Written against: Jinja2 3.1.6, MarkupSafe 3.0.4.

Tested by: tests/web/test_templates.py.

Used by: web/templates.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping
from functools import cache
from typing import Any

from jinja2 import Environment, pass_eval_context
from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream
from jinja2.nodes import EvalContext
from markupsafe import Markup

from app.web.assets import module_tags, static_url
from app.web.texts import translations


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
