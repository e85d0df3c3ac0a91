"""The OpenAPI document says what there is, and every answer is as it says: tried with whatever fits its schemas, and
with what does not, for each role."""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import aclosing
from typing import Any, Literal, get_args, get_origin, get_type_hints

import jsonschema_rs
import pytest
import requests
from msgspec.structs import replace
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from app.database import Fact, LogEntry
from app.editing.facts import LockChanged
from app.programs.event_shapes import KINDS_OF_EVENTS
from app.programs.kept_answers import IDEMPOTENCY_KEY
from app.web.problems import PROBLEM_TYPE, PROBLEMS
from tests.conftest import Server
from tests.programs.conftest import API, LetIn, add_token, call_with
from tests.programs.described import DOCUMENT, OPERATIONS, PROBLEMS_DESCRIBED
from tests.programs.following import streaming
from tests.programs.test_matrix import CALLS, ENDING, PEOPLE, ROOMS, VALUES, add_things
from tests.programs.tries import Tries, think_of_tries
from tests.test_facts import LOGGED, make_fact

each_operation = pytest.mark.parametrize(
    ("path", "method", "operation"), OPERATIONS, ids=[operation["operationId"] for _, _, operation in OPERATIONS]
)
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
# How many calls of each operation are tried.
TRIED = {"owner": 8, "admin": 2, "member": 4, "viewer": 2, "guest": 2}


def test_every_call_is_described() -> None:
    described = {(method.upper(), path) for path, method, _ in OPERATIONS}
    assert described == {(call.method, re.sub(r":\w+\}", "}", call.path)) for call in CALLS}


@each_operation
def test_a_call_says_its_scope_its_parameters_and_its_answers(
    path: str, method: str, operation: dict[str, Any]
) -> None:
    (call,) = [each for each in CALLS if (each.method.lower(), re.sub(r":\w+\}", "}", each.path)) == (method, path)]
    assert operation["x-scope"] == call.scope
    assert operation["summary"]
    assert operation["description"]
    named = {each["name"] for each in operation["parameters"]}
    assert named >= {*re.findall(r"\{(\w+)\}", path)}
    assert ("Idempotency-Key" in named) == (method == "post")
    begins = (path, method) == ("/api/v1/collections/{slug}/records/{number}/draft", "patch")  # where there is none
    is_streamed = path.endswith("/export")
    assert ("If-None-Match" in named) == ((method == "get" and not is_streamed) or begins)
    statuses = {int(each) for each in operation["responses"]}
    assert statuses >= {400, 401, 403, 404, 422, 429, 500, 503}
    for status, told in operation["responses"].items():
        answer = answer_of(told)
        assert answer["description"], status
        for media_type, content in answer.get("content", {}).items():
            if int(status) >= 400:
                assert media_type == PROBLEM_TYPE
                for code, example in content["examples"].items():
                    assert example["$ref"] == f"#/components/examples/{code}"
                    validate(content["schema"], DOCUMENT["components"]["examples"][code]["value"])
            elif "json" in media_type:
                validate(content["schema"], content["example"])
        for name, field in answer["headers"].items():
            assert field["$ref"] == f"#/components/headers/{name}"
            assert name in DOCUMENT["components"]["headers"]
    body = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if body:
        validate(body["schema"], body["example"])


def answer_of(told: dict[str, Any]) -> dict[str, Any]:
    """An answer, also one that is described for all calls."""
    found: dict[str, Any] = PROBLEMS_DESCRIBED[told["$ref"].rpartition("/")[2]] if "$ref" in told else told
    return found


def validate(schema: dict[str, Any], example: Any) -> None:
    """Look whether an example fits its schema."""
    jsonschema_rs.Draft202012Validator({**schema, "components": DOCUMENT["components"]}).validate(example)


def test_every_schema_has_an_example_that_fits_and_says_what_it_is() -> None:
    for name, schema in DOCUMENT["components"]["schemas"].items():
        assert schema["description"], name
        for example in schema["examples"]:
            validate(schema, example)


def test_no_body_has_a_member_that_is_called_as_an_argument_is() -> None:
    """The framework takes what is wrong with it for a fault of ours, and answers 500."""
    for path, method, operation in OPERATIONS:
        body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
        members = (
            DOCUMENT["components"]["schemas"].get(body.get("$ref", "").rpartition("/")[2], {}).get("properties", {})
        )
        assert not {"transaction", "member", "settings", "request", "database"} & members.keys(), f"{method} {path}"


def test_the_document_is_openapi_and_not_too_long() -> None:
    assert DOCUMENT["openapi"].startswith("3.1")
    assert len(json.dumps(DOCUMENT)) < 400_000


def test_the_key_is_described_as_it_is_read() -> None:
    parameters = [each for _, _, operation in OPERATIONS for each in operation["parameters"]]
    (key,) = {each["schema"]["pattern"] for each in parameters if each["name"] == "Idempotency-Key"}
    assert key == f"^{IDEMPOTENCY_KEY.pattern}$"


# What is known by what it is more exactly.
MEANT = [each for each in LOGGED if each is not LockChanged]


@pytest.mark.parametrize("kind", MEANT, ids=lambda kind: kind.__qualname__)
def test_every_event_is_as_described(kind: type[Fact]) -> None:
    for entry in list_entries(kind):
        check_event(entry)


# What facts say by one of a few texts, beside what they are.
CHOSEN: dict[str, dict[str, Any]] = {
    "MemberJoined": {"role": "viewer"},
    "PermissionsChanged": {"role": "guest"},
    "RecordsExported": {"format": "csv"},
    "RoomMade": {"kind": "private"},
    "SettingChanged": {"setting": "locale"},
}


def list_entries(kind: type[Fact]) -> list[LogEntry]:
    """What programs get of facts of a kind, of each that it says by a value which it is."""
    fact = make_fact(kind)
    fact = replace(fact, **CHOSEN.get(kind.__name__, {}))
    hints = get_type_hints(kind)
    is_chosen = get_origin(hints.get("what")) is Literal
    facts = [replace(fact, what=each) for each in get_args(hints["what"])] if is_chosen else [fact]
    return [entry for each in facts if (entry := each.log_entry) is not None]


def check_event(entry: LogEntry) -> None:
    """Look whether an event is as it is described, and what is none is not."""
    assert entry.kind in {name for names in KINDS_OF_EVENTS.values() for name in names}
    data = {**json.loads(json.dumps(entry.data)), "by": 1}
    event = {"cursor": 7, "kind": entry.kind, "channel": entry.channel, "data": data}
    schema = {"$ref": "#/components/schemas/EventShape"}
    validate(schema, event)
    validate(schema, {**event, "data": {"id": 3, "truncated": True, "by": None}})
    validate({"$ref": "#/components/schemas/StreamedEvent"}, {"id": 7, "data": event})
    with pytest.raises(jsonschema_rs.ValidationError):
        validate(schema, {**event, "data": {"by": 1}})


def test_every_kind_of_event_is_made_by_a_fact() -> None:
    made = {entry.kind for kind in MEANT for entry in list_entries(kind)}
    either = {
        "room.archived",
        "room.opened",
        "message.pinned",
        "message.unpinned",
    }  # which a fact says by whether it is
    assert made | either == {name for names in KINDS_OF_EVENTS.values() for name in names}


async def test_what_a_stream_tells_is_as_described(shared_server: Server, let_in: LetIn) -> None:
    ana = await let_in("ana@acme.test")
    schema = {"$ref": "#/components/schemas/StreamedEvent"}
    async with streaming(ana, signals=True) as stream:
        begin = await stream.next()
        validate(schema, {"id": begin.cursor, "event": begin.name, "data": begin.data})
        await ana.post(f"{API}/rooms", json={"name": "Described"})
        await ana.post(f"{API}/rooms/general/typing")
        names = set()
        while not {"message", "signal", "channels"} <= names:
            told = await stream.next()
            names.add(told.name)
            named = {} if told.name == "message" else {"event": told.name}
            cursor = {} if told.cursor is None else {"id": told.cursor}
            validate(schema, {**cursor, **named, "data": told.data})
    (answer,) = [each["responses"]["200"] for path, _, each in OPERATIONS if path.endswith("/events")]
    assert set(answer["content"]) == {"application/json", "text/event-stream"}


def test_every_problem_is_described_somewhere() -> None:
    said = {
        code
        for _, _, operation in OPERATIONS
        for status, answer in operation["responses"].items()
        if int(status) >= 400
        for code in re.findall(r"`([a-z-]+)`:", answer_of(answer)["description"])
    }
    # What the server says of a request before it is one of these calls.
    around = {"method-not-allowed", "timeout", "unsupported-type", "header-too-large"}
    assert said | around == PROBLEMS.keys()


@pytest.fixture(scope="module")
def things(shared_server: Server) -> dict[str, str]:
    """What stands for parameters: one of everything."""
    _, secret = add_token(shared_server, "acme", "ana@acme.test")

    async def add() -> dict[str, str]:
        async with aclosing(call_with(shared_server, "acme", secret)) as client:
            spare, _ = add_token(shared_server, "acme", "davi@acme.test", name="spare")
            return VALUES | await add_things(client) | {"token_id": str(spare)}

    return asyncio.run(add())


@pytest.fixture(scope="module")
def tries(shared_server: Server, pytestconfig: pytest.Config) -> list[Tries]:
    """What is tried by people of each role."""
    base_url = f"http://{shared_server.address}:{shared_server.port}"
    return think_of_tries(base_url, max(TRIED.values()), place_of, pytestconfig)


def place_of(method: str, path: str) -> int:
    """When a call is tried: what ends something for a while comes last."""
    names = [re.sub(r":\w+\}", "}", each) for each in ENDING]
    name = f"{method.upper()} {path.removeprefix('/api/v1')}"
    return names.index(name) if name in names else 0


# Where it is not about what is answered, each role makes every call of `test_matrix.py`.
ROLES = [
    pytest.param(role, marks=[] if role in ("owner", "member") else pytest.mark.alike)
    for role in sorted(TRIED, key=list(PEOPLE).index)
]


@pytest.mark.parametrize("role", ROLES)
def test_every_answer_is_as_described(
    shared_server: Server, things: dict[str, str], tries: list[Tries], role: str
) -> None:
    server = shared_server
    if role in ("viewer", "guest"):
        words = (f"{PEOPLE[role]}@acme.test", "--name", PEOPLE[role], "--role", role, "--password", "long enough")
        server.run("member", "add", "acme", *words)
    _, secret = add_token(server, "acme", f"{PEOPLE[role]}@acme.test")
    headers = {"host": server.host("acme"), "authorization": f"Bearer {secret}"}
    wrong: list[str] = []
    with requests.Session() as session:
        session.trust_env = False
        for each in tries:
            try:
                for case, known in each.cases[: TRIED[role]]:
                    try_case(session, case, headers, things if known and each.mode is GenerationMode.POSITIVE else {})
            except (Exception, FailureGroup) as error:
                wrong.append(f"{each.operation.method} {each.operation.path} ({each.mode.value}): {tell(error)}")
    # What an admin has closed is open to the next.
    server.store.rows("UPDATE collection SET deleted_at = NULL, archived_at = NULL WHERE tenant_id = 1")
    assert not wrong, "\n\n".join(wrong[:20])


def tell(error: BaseException) -> str:
    """What was wrong with an answer."""
    return "; ".join(map(str, error.exceptions)) if isinstance(error, BaseExceptionGroup) else repr(error)


def try_case(session: requests.Session, case: Any, headers: dict[str, str], things: dict[str, str]) -> None:
    """Make a call, about things that are there if some are given, and look whether its answer is as described."""
    if things:
        there = things | (ROOMS if "/rooms/" in case.operation.path else {})
        case.path_parameters = {name: there[name] for name in case.path_parameters or {}}
    said = dict(headers)
    if case.operation.path.endswith("/events"):  # as a stream, or with a long wait, its answer does not end
        said["accept"] = "application/json"
        wait = str((case.query or {}).get("wait", ""))
        if wait.isdigit() and int(wait) <= 60:
            case.query["wait"] = 0
    answer = case.call(headers=said, session=session)
    case.validate_response(answer, checks=CHECKS)
    if answer.status_code == 200 and case.method == "GET":
        described = case.operation.definition.raw["responses"]["200"]["headers"]
        assert ("ETag" in described) == ("etag" in answer.headers), f"{case.path}: {dict(answer.headers)}"
