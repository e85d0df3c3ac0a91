"""The clients that people have work here unchanged: the libraries themselves, on two workers that Redis joins."""

from __future__ import annotations

from tests.conftest import Server
from tests.gateway.conftest import add_app, people_of, play


def test_an_apps_own_channels_with_pusher_js_and_the_library_for_servers(workers: Server) -> None:
    play(workers, "own_channels", app=add_app(workers))


def test_the_workspaces_channels_with_laravel_echo(workers: Server) -> None:
    play(workers, "workspace", **people_of(workers))


def test_the_edit_lock_with_laravel_echo(workers: Server) -> None:
    reading = workers.run("token", "add", "acme", "davi@acme.test", "--name", "reader", "--scope", "records:read")
    play(workers, "editing", viewerToken=reading.stdout.strip(), **people_of(workers))
