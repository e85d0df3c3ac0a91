"""The frame of the pages for everybody: they are in the language of the browser, with the others to choose from."""

from __future__ import annotations

from typing import Any

from litestar import Response
from litestar.datastructures import Cookie

from app.accounts.access import AnyRequest
from app.accounts.shell import render_plain
from app.settings import Settings
from app.web.forms import Form
from app.web.languages import LANGUAGE_COOKIE, browser_language
from app.web.texts import LANGUAGES

YEAR = 365 * 24 * 3600
# The button of a form that has it shown again in another language, with all that was typed.
SWITCH = "shown-in"


def language_cookie(settings: Settings, language: str) -> Cookie:
    """The cookie of this host by which its pages are in a language that was chosen."""
    return Cookie(
        key=LANGUAGE_COOKIE,
        value=language,
        path="/",
        max_age=YEAR,
        httponly=True,
        samesite="lax",
        secure=settings.secure,
    )


def render_front(
    request: AnyRequest, template: str, *, status: int = 200, language: str = "", **context: Any
) -> Response[str]:
    """A page for everybody, with the languages that one can choose. It is another one by what the browser asks for."""
    language = language or browser_language(request)
    page = render_plain(language, template, status=status, languages=LANGUAGES, path=request.scope["path"], **context)
    page.headers["vary"] = "Accept-Language, Cookie"
    return page


def is_switched(form: Form) -> bool:
    """Whether a form was sent to have its page in another language, and for nothing else."""
    return form[SWITCH] in LANGUAGES


def render_switched(
    request: AnyRequest, settings: Settings, template: str, form: Form, **context: Any
) -> Response[str]:
    """The page of a form in the language that was chosen in it, with what was typed. Passwords are typed again."""
    page = render_front(request, template, language=form[SWITCH], form=form, **context)
    page.cookies.append(language_cookie(settings, form[SWITCH]))
    return page
