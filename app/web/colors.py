"""The colors that a workspace may choose from: of its buttons and links, on pages and in mails."""

from __future__ import annotations

from msgspec import Struct

from app.web.texts import Text, _l


class WorkspaceColor(Struct, frozen=True):
    """A color, and the ground of what is chosen, on light and on dark pages.

    White can be read on the light one, and what is almost black on the dark one: a test measures it.
    """

    label: Text
    light: str
    dark: str
    soft_light: str
    soft_dark: str


USUAL_COLOR = "green"
WORKSPACE_COLORS = {
    USUAL_COLOR: WorkspaceColor(_l("Green"), "#1d6b4a", "#7fd6a9", "#ddf3e5", "#1b3426"),
    "teal": WorkspaceColor(_l("Teal"), "#066166", "#4fc5cb", "#d7f3f5", "#113436"),
    "blue": WorkspaceColor(_l("Blue"), "#035798", "#73b6fa", "#e0effe", "#1e2f41"),
    "indigo": WorkspaceColor(_l("Indigo"), "#4648a1", "#9fa9fc", "#e8ecff", "#292c42"),
    "violet": WorkspaceColor(_l("Violet"), "#6f388c", "#cb9ae8", "#f4e7fc", "#35283c"),
    "pink": WorkspaceColor(_l("Pink"), "#8b2b5d", "#eb90b9", "#fee5ef", "#3d2530"),
    "amber": WorkspaceColor(_l("Amber"), "#6d5001", "#ceac64", "#f6ecd7", "#372c15"),
    "grey": WorkspaceColor(_l("Gray"), "#505753", "#abb3ae", "#e6efea", "#29302c"),
}
