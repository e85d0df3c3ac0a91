"""Pages that belong together in one shell, with tabs at the side: the settings of a workspace, one's own account.

Features add a tab with `tab`, and their page extends `accounts/tabs.html` with the `area` that it is in: the shell
knows none of them.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Literal

from msgspec import Struct

from app.accounts.members import Member
from app.accounts.rights import may
from app.web.texts import Text

ShellArea = Literal["settings", "account"]


class Tab(Struct, frozen=True):
    """A page of an area. Those at addresses that begin with its own, or with one `also` named, are part of it. It is
    there for members who have the `right`, a verb and a thing; without one for all."""

    order: int
    label: Text
    address: str
    icon: str
    right: tuple[str, Any] | None
    also: tuple[str, ...]

    def holds(self, path: str) -> bool:
        """Whether a page is part of it."""
        return any(path == each or path.startswith(f"{each}/") for each in (self.address, *self.also))


TABS: dict[str, list[Tab]] = defaultdict(list)


def tab(
    area: ShellArea,
    label: Text,
    address: str,
    *,
    icon: str,
    order: int,
    right: tuple[str, Any] | None = None,
    also: tuple[str, ...] = (),
) -> None:
    """Add a tab to an area."""
    TABS[area].append(Tab(order, label, address, icon, right, also))
    TABS[area].sort(key=lambda each: each.order)


def tabs_of(area: ShellArea, member: Member, path: str) -> list[tuple[Tab, bool]]:
    """The tabs of an area for a member, each with whether the page at a path is part of it: of several the one whose
    address says the most."""
    shown = [each for each in TABS[area] if each.right is None or may(member, *each.right)]
    holding = [each for each in shown if each.holds(path)]
    open_one = max(holding, key=lambda each: len(each.address), default=None)
    return [(each, each is open_one) for each in shown]
