"""Which inputs of forms are typed in, and what they are called: read from the templates themselves, so that no list of
them has to be kept. A page that shows what was typed into a form that came to nothing asks here."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import NamedTuple

from app.web.templates import environment
from app.web.texts import Text

# What a template writes in a place of its own: an expression, or a statement.
FILLED_IN = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
COMMENT = re.compile(r"\{#.*?#\}", re.DOTALL)
IN_QUOTES = r'"(?:\{\{.*?\}\}|\{%.*?%\}|[^"])*"'
FORM = re.compile(rf"<form\b((?:\{{\{{.*?\}}\}}|\{{%.*?%\}}|{IN_QUOTES}|[^>])*)>(.*?)</form>", re.DOTALL)
CONTROL = re.compile(
    rf"<(input|textarea|select|button)\b((?:\{{\{{.*?\}}\}}|\{{%.*?%\}}|{IN_QUOTES}|[^>])*)>", re.DOTALL
)
# A control that a macro makes: `ui.input(form, "name", _("Name"), type="email")`.
MADE = re.compile(r'\bui\.(\w+)\(\w+, "([\w-]+)"((?:"(?:\\.|[^"])*"|[^"])*?)\) *\}\}', re.DOTALL)
TYPING_MACROS = ("input", "people", "choice_field")
LABEL = re.compile(r'<label [^>]*\bfor="([\w-]+)"[^>]*>\s*\{\{(.*?)\}\}', re.DOTALL)
TRANSLATED = re.compile(r"""\b_\(("|')((?:\\.|(?!\1).)*)\1""")
# More names than any form of ours has are not looked for.
MOST_NAMES = 1_000
# So many letters of a name are written in a template where the rest may be anything.
LEAST_KNOWN = 3
# Inputs that nobody writes in; what is written in one of them is a secret.
UNTYPED = ("hidden", "checkbox", "radio", "file", "color", "range", "submit", "password")


class FormInput(NamedTuple):
    """An input of a form: whether people type in it, and what it is called, as far as its template says it."""

    is_typed: bool
    label: Text | None = None


class FilledName(NamedTuple):
    """An input of whose name the template fills in a part: what the rest is, and how long that is."""

    pattern: re.Pattern[str]
    known: int
    input: FormInput


@dataclass(frozen=True, eq=False)
class FormShape:
    """A form as its template has it: where it is sent, and its inputs by their names. What stands outside of forms is a
    part of one whose address is not known."""

    action: re.Pattern[str] | None
    known: int
    inputs: Mapping[str, FormInput]
    filled: tuple[FilledName, ...]

    def leads_to(self, address: str) -> int:
        """How much of an address that its forms are sent to is written in the template; 0 for another address."""
        return self.known if self.action is not None and self.action.fullmatch(address) else 0


def pattern_of(text: str) -> tuple[re.Pattern[str], int]:
    """What a template may write for a text, and how much of that is always the same."""
    parts = FILLED_IN.split(text)
    return re.compile(".*".join(map(re.escape, parts)), re.DOTALL), sum(map(len, parts))


def find_attribute(name: str, attributes: str) -> str:
    """An attribute of a tag as a template writes it."""
    found = re.search(rf"\s{name}=({IN_QUOTES})", attributes, re.DOTALL)
    return found[1][1:-1] if found else ""


def list_inputs(source: str) -> Iterator[tuple[str, FormInput]]:
    """The inputs that a part of a template has, by their names as it writes them. One whose label names what it stands
    beside, such as the position of a choice, says nothing on its own: it is none that one types in."""
    labels = {id: Text(texts[-1][1]) for id, place in LABEL.findall(source) if (texts := TRANSLATED.findall(place))}
    for tag, attributes in CONTROL.findall(source):
        if name := find_attribute("name", attributes):
            said = TRANSLATED.search(find_attribute("aria-label", attributes))
            is_typed = tag == "textarea" or (tag == "input" and find_attribute("type", attributes) not in UNTYPED)
            is_alone = said is None or "%(" not in said[2]
            label = labels.get(find_attribute("id", attributes)) or (Text(said[2]) if said and is_alone else None)
            yield name, FormInput(is_typed and is_alone, label)
    for macro, name, rest in MADE.findall(source):
        if macro in (*TYPING_MACROS, "checks"):
            said = TRANSLATED.search(rest) if macro != "choice_field" else None
            is_typed = macro in TYPING_MACROS and 'type="password"' not in rest
            label = Text(said[2]) if said and "%(" not in said[2] else labels.get(f"field-{name}")
            yield name, FormInput(is_typed, label)


def read_shape(action: str, source: str) -> FormShape:
    """A form, or a part of one, as a template writes it."""
    inputs: dict[str, FormInput] = {}
    filled = []
    for name, each in list_inputs(source):
        pattern, known = pattern_of(name)
        if known == len(name):
            inputs[name] = max(each, inputs.get(name, each), key=lambda one: one.is_typed)
        elif known:  # what is all filled in is of any name, and says nothing
            filled.append(FilledName(pattern, known, each))
    pattern, known = pattern_of(action)
    return FormShape(pattern if action else None, known, inputs, tuple(filled))


@cache
def list_forms() -> tuple[FormShape, ...]:
    """All forms of the program, and the parts of forms that templates share."""
    made = environment("en")
    found = []
    for template in made.list_templates(extensions=["html"]):
        source = COMMENT.sub("", made.loader.get_source(made, template)[0])  # type: ignore[union-attr]
        for attributes, inside in FORM.findall(source):
            action = find_attribute("action", attributes)
            found.append(read_shape(action.partition("?")[0].partition("#")[0], inside))
        found.append(read_shape("", FORM.sub("", source)))
    return tuple(each for each in found if each.inputs or each.filled)


@cache
def list_by_name() -> Mapping[str, Sequence[tuple[FormShape, FormInput]]]:
    """The inputs whose names are all written, by these, with the forms that they are in."""
    found: dict[str, list[tuple[FormShape, FormInput]]] = defaultdict(list)
    for shape in list_forms():
        for name, each in shape.inputs.items():
            found[name].append((shape, each))
    return dict(found)


def find_inputs(address: str, names: Iterable[str]) -> dict[str, FormInput]:
    """The inputs of a form that was sent to an address, by their names; of a name that no template has, nothing. It is
    the form whose address that is, or the one that has most of the names."""
    leads = {shape: shape.leads_to(address) for shape in list_forms()}
    # Of another address' form little more than a dash would be of any name.
    filled = [(shape, each) for shape in leads for each in shape.filled if leads[shape] or each.known >= LEAST_KNOWN]
    having: dict[str, list[tuple[FormShape, FormInput]]] = {}
    for name in islice(names, MOST_NAMES):
        matching = [(shape, each.input) for shape, each in filled if each.pattern.fullmatch(name)]
        having[name] = [*list_by_name().get(name, ()), *matching]
    counts = Counter(shape for found in having.values() for shape, _ in found)
    return {
        name: max(found, key=lambda each: (leads[each[0]], counts[each[0]]))[1]
        for name, found in having.items()
        if found
    }
