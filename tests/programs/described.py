"""What the OpenAPI document says, for tests."""

from __future__ import annotations

from typing import Any

from app.programs.site import describe_endpoints
from tests.test_isolation import make_application

DOCUMENT: dict[str, Any] = describe_endpoints(make_application().sites.programs.endpoints)
PROBLEMS_DESCRIBED: dict[str, Any] = DOCUMENT["components"]["responses"]
OPERATIONS = [
    (path, method, operation)
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
]
