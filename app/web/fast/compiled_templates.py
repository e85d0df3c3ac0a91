"""Templates that ask for less when they are rendered: what is always the same is written when they are compiled, what
they include is part of them, and a value is written by one call.

Earns: 11 to 40 % of a page's time of the processor, 8 % of a message's (measured by bench/shortcuts.py on 2026-11-30).

Written against: Jinja2 3.1.6, MarkupSafe 3.0.4.

Tested by: tests/web/test_templates.py.

Used by: web/templates.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from functools import cache
from types import CodeType, FunctionType, MethodType
from typing import Any

from jinja2 import Environment, nodes, pass_eval_context
from jinja2.compiler import CodeGenerator, Frame
from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream
from jinja2.nodes import EvalContext
from jinja2.runtime import Context, Macro
from jinja2.visitor import NodeTransformer
from markupsafe import Markup, escape
from markupsafe import _escape_inner as escape_text  # type: ignore[attr-defined]

from app.web.assets import module_tags, static_url
from app.web.texts import fill_places, keep_direction, keep_in_place, translations


def write_value(value: object) -> str:
    """What a page has for a value. It is for the page alone: that it is safe is not kept with it."""
    kind = type(value)
    if kind is str:
        return escape_text(value if value.isascii() else keep_direction(value))  # type: ignore[attr-defined,arg-type]
    if kind is int:
        return str(value)
    kept = keep_in_place(value)
    return kept if kind is Markup else escape(kept)  # type: ignore[return-value]


class PlainOutput(CodeGenerator):
    """Writes values by one call each, where Jinja asks two and makes an object that says that its text is safe; and
    blocks as one piece, where Jinja hands each of their pieces on through every template that stands around them."""

    def writeline(self, x: str, node: nodes.Node | None = None, extra: int = 0) -> None:
        """Add a line of code."""
        if x.startswith("yield from "):
            x = f"yield concat({x.removeprefix('yield from ')})"
        super().writeline(x, node, extra)

    def _writes_value(self, frame: Frame, finalize: CodeGenerator._FinalizeInfo) -> bool:
        """Whether what is written is escaped, and all know it now."""
        return frame.eval_ctx.autoescape and not frame.eval_ctx.volatile and finalize.src == "environment.finalize("

    def _output_child_pre(self, node: nodes.Expr, frame: Frame, finalize: CodeGenerator._FinalizeInfo) -> None:
        if self._writes_value(frame, finalize):
            self.write("environment.write_value(")
        else:
            super()._output_child_pre(node, frame, finalize)

    def _output_child_post(self, node: nodes.Expr, frame: Frame, finalize: CodeGenerator._FinalizeInfo) -> None:
        if self._writes_value(frame, finalize):
            self.write(")")
        else:
            super()._output_child_post(node, frame, finalize)


class QuickContext(Context):
    """Calls macros and plain functions without asking three times whether they want to know who calls them."""

    def call(self, obj: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Call what a template calls."""
        kind = type(obj)
        if kind is Macro:
            args = (self.eval_ctx, *args)
        elif (kind is not FunctionType and kind is not MethodType) or hasattr(obj, "jinja_pass_arg"):
            return super().call(obj, *args, **kwargs)
        kwargs.pop("_block_vars", None)
        kwargs.pop("_loop_vars", None)
        return obj(*args, **kwargs)


class OneLanguage(Environment):
    """An environment whose globals are all there before its first template: each has a dictionary of them.

    Jinja's own are seen through a `ChainMap`, which is written in Python and copied each time a template is rendered.
    """

    code_generator_class = PlainOutput
    context_class = QuickContext
    write_value = staticmethod(write_value)

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        """The globals of a template."""
        return {**self.globals, **(d or {})}

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        """A template with what it includes in its place: it is rendered as one, without a context for each part."""
        parsed: nodes.Template = Inlined(self, name).visit(super()._parse(source, name, filename))
        return parsed

    def compile_with_others(self, names: Iterable[str]) -> set[str]:
        """Compile templates, or take what was kept of them, with all that they ask for when they are rendered."""
        waiting, compiled, all_names = set(names), set[str](), set(self.list_templates())
        while waiting:
            name = waiting.pop()
            template = self.get_template(name)
            compiled.add(name)
            for function in (template.root_render_func, *template.blocks.values()):
                waiting |= find_texts(function.__code__) & all_names - compiled
        return compiled


def find_texts(code: CodeType) -> set[str]:
    """The texts that are written in a function, and in those within it."""
    inner = [find_texts(each) for each in code.co_consts if isinstance(each, CodeType)]
    return {each for each in code.co_consts if isinstance(each, str)}.union(*inner)


class Inlined(NodeTransformer):
    """Puts the nodes of a template in the place where it is included by its name.

    What it sets it sets for itself, as a template that is included does. A part that has itself in it, to show what
    belongs to a thing, is included as Jinja does it.
    """

    def __init__(self, environment: Environment, *within: str | None) -> None:
        self.environment = environment
        self.within = within

    def visit_Include(self, node: nodes.Include) -> nodes.Node:
        """The part itself."""
        name = node.template.value if isinstance(node.template, nodes.Const) else None
        if not isinstance(name, str) or name in self.within or node.ignore_missing or not node.with_context:
            return node
        loader = self.environment.loader
        assert loader is not None  # noqa: S101
        source, filename, _ = loader.get_source(self.environment, name)
        parsed = Environment._parse(self.environment, source, name, filename)
        if next(parsed.find_all((nodes.Extends, nodes.Block)), None) is not None:
            return node
        within = Inlined(self.environment, *self.within, name).visit(parsed)
        return nodes.Scope(within.body, lineno=node.lineno)


class Constants(Extension):
    """Writes `{{ _("…") }}`, `{{ static("…") }}`, `{{ modules("…") }}` and `{{ ui.icon("…") }}` when a template is
    compiled.

    What they give is always the same, and need not be asked for each time it is rendered.
    """

    CALLS = (
        ("variable_begin", "name", "lparen", "string", "rparen", "variable_end"),
        ("variable_begin", "name", "dot", "name", "lparen", "string", "rparen", "variable_end"),
    )

    def filter_stream(self, stream: TokenStream) -> Iterator[Token]:
        """Put what such a call gives in its place."""
        waiting: list[Token] = []
        for token in stream:
            waiting.append(token)
            types = tuple(each.type for each in waiting)
            if types in self.CALLS:
                yield from self.write(waiting)
                waiting = []
            elif not any(types == call[: len(types)] for call in self.CALLS):
                yield from waiting
                waiting = []
        yield from waiting

    def write(self, call: list[Token]) -> list[Token]:
        """The text that a call gives; for any other call, the call."""
        name, argument = "".join(each.value for each in call[1:-4]), call[-3].value
        if name == "static":
            text = static_url(argument)
        elif name == "modules":
            text = module_tags(argument)
        elif name == "_":
            text = translations(str(self.environment.globals["language"])).gettext(argument) % {}
        elif name == "ui.icon":
            text = self.environment.get_template("macros.html").module.icon(argument)  # type: ignore[attr-defined]
        else:
            return call
        return [Token(call[0].lineno, "data", text)]


def fill_in(message: str, values: Mapping[str, Any], language: str) -> Markup:
    """A text with values in its places: as `Markup(…) % values`, which asks an object for each value."""
    safe = {name: each if isinstance(each, int | float) else escape(each) for name, each in values.items()}
    return Markup(fill_places(message, safe, language))  # noqa: S704  (our own text)


def write_many_with(translate: Callable[[str, str, int], str], language: str) -> Callable[..., str]:
    """Jinja's `ngettext("…", "…", number, name=value)`, with amounts as the language writes them."""

    @pass_eval_context
    def write(template: EvalContext, one: str, many: str, number: int, /, **values: Any) -> str:
        message = translate(one, many, number)
        if not template.autoescape:  # a mail's text
            return fill_places(message, values, language)
        return fill_in(message, values, language)

    return write


def write_with(translate: Callable[[str], str], language: str) -> Callable[..., str]:
    """Jinja's `_("…", name=value)`, which would ask its context three times for each text."""

    @pass_eval_context
    def write(template: EvalContext, message: str, /, **values: Any) -> str:
        if not template.autoescape:  # a mail's text
            return fill_places(translate(message), values, language)
        return fill_in(translate(message), values, language) if values else plain(message)

    @cache
    def plain(message: str) -> Markup:
        return Markup(translate(message)) % {}  # noqa: S704

    return write
