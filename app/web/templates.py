"""Templates: one Jinja environment for each language, every value escaped, nothing undefined."""

from __future__ import annotations

from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import FileSystemLoader, StrictUndefined, pass_context, select_autoescape
from jinja2.runtime import Context
from markupsafe import Markup

from app.database import Fact, Partial, Tenant
from app.web.assets import module_tags, static_url
from app.web.fast.compiled_templates import Constants, OneLanguage, write_many_with, write_with
from app.web.fast.kept_compiled import KeptTemplates, keeping
from app.web.forms import FOR_MEMBER, make_key
from app.web.texts import LANGUAGES, Text, keep_in_place, read_translations, translations, write_amount

APP = Path(__file__).parent.parent


def render(language: str, template: str, **context: Any) -> str:
    """Render a template in a language."""
    return environment(language if language in LANGUAGES else "en").get_template(template).render(context)


def make_partial(
    tenant: Tenant, channel: str, template: str, /, *, fact: Fact | None = None, **context: Any
) -> Partial:
    """A template for the pages that follow a channel, in the workspace's language; and the fact that it shows, where
    that is not the last of those given."""
    return Partial(channel, render(tenant.language, template, **context), fact)


def compile_pushes() -> None:
    """Compile what is pushed, in each language, with all that it asks for: it is rendered while others wait for the
    writer. It is kept for the next start."""
    for language in LANGUAGES:
        made = environment(language)
        made.compile_with_others(made.list_templates(filter_func=lambda each: each.endswith("_push.html")))


def compile_all() -> int:
    """Compile all templates and texts in each language, to be kept, whatever this process has of them; how many
    templates."""
    with keeping():
        for language in LANGUAGES:
            read_translations(language)
            made = make_environment(language)
            names = made.list_templates(extensions=["html", "txt"])
            for name in names:
                made.get_template(name)
    return len(names)


@cache
def environment(language: str) -> OneLanguage:
    """The environment of one language."""
    return make_environment(language)


def make_environment(language: str) -> OneLanguage:
    """One that has no template yet."""
    made = OneLanguage(
        loader=FileSystemLoader(APP / "templates"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n", "jinja2.ext.do", Constants],
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        bytecode_cache=KeptTemplates(language),
        finalize=keep_in_place,
    )
    texts = translations(language)
    made.install_gettext_callables(texts.gettext, texts.ngettext, newstyle=True)  # type: ignore[attr-defined]
    write = write_with(texts.gettext, language)
    made.globals.update(_=write, gettext=write, ngettext=write_many_with(texts.ngettext, language))
    made.globals.update(static=static_url, modules=write_modules, make_key=make_key, write_whose=write_whose)
    made.globals.update(language=language, language_tag=language.replace("_", "-"))
    made.filters.update(
        text=lambda value: value.translate(language) if isinstance(value, Text) else value,
        amount=lambda value, digits=0: write_amount(value, language, digits),
        initials=initials,
        hue=hue,
        moment=moment,
        clock=clock,
        hour=hour,
    )
    return made


def write_modules(names: str) -> Markup:
    """The tags of modules."""
    return Markup(module_tags(names))  # noqa: S704  (our own names)


@pass_context
def write_whose(context: Context) -> Markup:
    """The field that says of a form for which member its page was made. It is asked of the page that has the form:
    macros know nothing of a page, and are made once for all."""
    return Markup(f'<input type="hidden" name="{FOR_MEMBER}" value="{context["member"].id:d}">')  # noqa: S704  (a number)


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
        stamp, day, time = stamp_of(value)
        return Markup(f'<time datetime="{stamp}">{day} {time} UTC</time>')  # noqa: S704  (digits)
    stamp = value.isoformat()
    return Markup(f'<time datetime="{stamp}">{stamp}</time>')  # noqa: S704


def clock(value: datetime) -> Markup:
    """A `<time>` as the time of day, "14:05", with the date when it is not today's."""
    stamp, _, time = stamp_of(value)
    return Markup(f'<time datetime="{stamp}" data-clock>{time} UTC</time>')  # noqa: S704


def hour(value: datetime) -> Markup:
    """A `<time>` as the time of day alone, where a heading says the day."""
    stamp, _, time = stamp_of(value)
    return Markup(f'<time datetime="{stamp}" data-hour>{time} UTC</time>')  # noqa: S704


def stamp_of(value: datetime) -> tuple[str, str, str]:
    """A moment as `times.js` reads it, its day, and its hour and minute."""
    written = value.isoformat(timespec="seconds")
    return f"{written[:19]}Z", written[:10], written[11:16]
