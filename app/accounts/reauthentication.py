"""Asking again: for the password before what can't be taken back, when it was given some time ago; and whether an act
is meant, when something else would follow than the page said that asked.

A route says so itself: `@post(…, **dangerous(_l("…")))`. The page that asks carries what was posted in its form and
posts it to the same address again, with the password. So it needs no script and no place to go back to, and nothing
that was typed is lost. It is looked at before the route's own transaction begins, as a password takes long.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args
from urllib.parse import quote, urlsplit

from litestar import Response
from litestar.routes import HTTPRoute
from msgspec import Struct

from app.accounts.access import (
    AnyRequest,
    client_address,
    enter_workspace,
    host_of,
    local_path,
    provide_signed_in,
)
from app.accounts.ended_forms import find_end
from app.accounts.members import Role
from app.accounts.passwords import GuessingLimit
from app.accounts.questions import FIELD, SAID, Describe, Question, ask_again, is_old, render_question
from app.accounts.sessions import SignedIn, device_of
from app.database import Database, Transaction, now
from app.settings import Settings
from app.web.bodies import provide_form
from app.web.calls import is_call, refuse_call
from app.web.forms import FORM_KEY, Form
from app.web.texts import Text, _l


class Danger(Struct, frozen=True):
    """What a route does, as the page that asks says it; `when` tells it of a form with which it is not dangerous.

    `describe` gives the question of an act that is asked about first: it is the same page that asks for the password.
    """

    what: Text
    when: Callable[[Form], bool] | None
    describe: Describe | None


def dangerous(
    what: Text, *, when: Callable[[Form], bool] | None = None, describe: Describe | None = None, **opt: Any
) -> dict[str, Any]:
    """For a route: ask for the password again before it does this. `opt` is what else the route says of itself."""
    return {"opt": {"danger": Danger(what, when, describe), **opt}, "before_request": ask_again}


# The roles that give nobody the rights of an admin.
WITHOUT_RIGHTS = ("member", "viewer", "guest")


def raises_role(form: Form) -> bool:
    """Whether a form gives somebody the rights of an admin or owner. What is no role gives none, and is refused."""
    return form["role"] in get_args(Role) and form["role"] not in WITHOUT_RIGHTS


class Reauthentication:
    """Comes before each request to a dangerous route, and to one whose act is asked about first."""

    def __init__(self, database: Database, settings: Settings, guessing: GuessingLimit) -> None:
        self.database = database
        self.settings = settings
        self.guessing = guessing

    async def __call__(self, request: AnyRequest) -> Response[Any] | None:
        """The page that asks for the password; None when the request may go on.

        Raises SignInNeeded and TooManyTries.
        """
        danger: Danger | None = request.route_handler.opt.get("danger")
        describe: Describe | None = request.route_handler.opt.get("asked") or (danger.describe if danger else None)
        form = await provide_form(request)
        if FORM_KEY in form and (done := await self.find_done_already(request)):
            return done
        if describe is not None and SAID in form and (changed := await self.ask_anew(request, describe, form)):
            return changed
        if danger is None or (danger.when and not danger.when(form)):
            return None
        async with self.database.read() as transaction:
            signed_in = await self.enter(request, transaction)
            if not is_old(signed_in):
                return None
            if FIELD not in form:
                return await self.ask(request, transaction, signed_in, danger, form, status=403)
        if await self.is_given(request, signed_in, form[FIELD]):
            return None
        form.errors[FIELD] = _l("Wrong password.")
        async with self.database.read() as transaction:
            signed_in = await self.enter(request, transaction)
            return await self.ask(request, transaction, signed_in, danger, form, status=422)

    async def find_done_already(self, request: AnyRequest) -> Response[Any] | None:
        """Where the form has led to that is sent again."""
        async with self.database.read() as transaction:
            signed_in = await self.enter(request, transaction)
            return await find_end(request, transaction, signed_in.member)

    async def ask_anew(self, request: AnyRequest, describe: Describe, form: Form) -> Response[str] | None:
        """The page that asks, when it would say something else by now than the one whose form was sent."""
        async with self.database.read() as transaction:
            signed_in = await self.enter(request, transaction)
            question = await describe(request, transaction, signed_in.member)
            if question.digest == form[SAID]:
                return None
            return await render_question(
                request,
                transaction,
                signed_in,
                question,
                status=409,
                changed=True,
                password=FIELD in form and is_old(signed_in),
                action=quote(request.scope["path"]),
                carried=carry(form),
            )

    async def enter(self, request: AnyRequest, transaction: Transaction) -> SignedIn:
        """Who asks, in the workspace of the host. Raises SignInNeeded."""
        tenant = await enter_workspace(transaction, request.scope["state"]["slug"])
        request.scope["state"]["language"] = tenant.language
        return await provide_signed_in(request, transaction)

    async def is_given(self, request: AnyRequest, signed_in: SignedIn, password: str) -> bool:
        """Whether it is the password; if so, the session keeps when it was given. Raises TooManyTries."""
        member = signed_in.member
        account, address = f"{member.tenant_id}:{member.email}", client_address(request)
        log = f"audit:{member.tenant_id}"
        stored, device = member.password_hash, device_of(signed_in.session)
        right = await self.guessing.verify(password[:200], stored, account, address, log=log, device=device, known=True)
        if not right:
            return False
        async with self.database.write(member.tenant_id) as transaction:
            found = await provide_signed_in(request, transaction)
            if found.member.password_hash != stored:
                return False
            found.session.password_at = now()
        return True

    async def ask(
        self,
        request: AnyRequest,
        transaction: Transaction,
        signed_in: SignedIn,
        danger: Danger,
        form: Form,
        *,
        status: int,
    ) -> Response[Any]:
        """The page that asks, with what was posted."""
        if is_call(request):
            return refuse_call(transaction.tenant.language, _l("Open the page again and enter your password."), 403)
        query = request.scope["query_string"].decode("latin-1")
        question = Question(what=danger.what, consequences=(), button=_l("Continue"), back=self.page_of_form(request))
        if danger.describe is not None:
            question = await danger.describe(request, transaction, signed_in.member)
        return await render_question(
            request,
            transaction,
            signed_in,
            question,
            status=status,
            form=form,
            password=True,
            action=quote(request.scope["path"]) + (f"?{query}" if query else ""),
            carried=carry(form),
        )

    def page_of_form(self, request: AnyRequest) -> str:
        """Where the form that was posted is: the page that sent it.

        Without scripts, an answer to the form has the form's own address, which often only takes forms. Then its page
        is the one above, as it is for every dangerous route.
        """
        sent_by = urlsplit(request.headers.get("referer", "")).path
        path: str = request.scope["path"]
        if sent_by == quote(path) and not shows_page(request):
            sent_by = quote(path.rpartition("/")[0])
        return local_path(self.settings, host_of(request), sent_by)


def carry(form: Form) -> list[tuple[str, str]]:
    """What was posted, but the password, and what the page said that asked."""
    return [(name, value) for name, values in form.values.items() for value in values if name not in (FIELD, SAID)]


def shows_page(request: AnyRequest) -> bool:
    """Whether the address of a request has a page, too."""
    template = request.scope["path_template"]
    return any(
        isinstance(route, HTTPRoute) and route.path == template and "GET" in route.methods
        for route in request.app.routes
    )
