"""Static files, by addresses that change with their content."""

from __future__ import annotations

from litestar import Response, Router, get
from litestar.exceptions import NotFoundException
from litestar.static_files import create_static_files_router

from app.web.assets import STATIC, STYLES, static_content


def keep_for_ever(response: Response[bytes]) -> Response[bytes]:
    """Let browsers keep a file: its address has a digest of it."""
    response.headers["cache-control"] = "public, max-age=31536000, immutable"
    return response


@get("/{name:str}", sync_to_thread=False)
def show_script(name: str) -> Response[bytes]:
    """A script, with the addresses of what it imports. Raises NotFoundException."""
    if name not in SCRIPTS:
        raise NotFoundException
    return Response(static_content(f"js/{name}"), media_type="text/javascript")


@get(f"/static/{STYLES}", after_request=keep_for_ever, include_in_schema=False, sync_to_thread=False)
def show_styles() -> Response[bytes]:
    """The style sheet of all pages."""
    return Response(static_content(STYLES), media_type="text/css")


SCRIPTS = frozenset(path.name for path in (STATIC / "js").glob("*.js"))
scripts = Router("/static/js", route_handlers=[show_script], after_request=keep_for_ever, include_in_schema=False)
static_files = create_static_files_router(
    path="/static", directories=[STATIC], after_request=keep_for_ever, include_in_schema=False
)
