"""The OpenRPC document that `rpc.discover` returns. It is derived from the table of methods and the types
that check the calls, so it cannot differ from them.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from lockside.documents.configuration import Configuration
from lockside.protocol.errors import CODES, ErrorKind
from lockside.protocol.events import EVENT_KINDS
from lockside.protocol.methods import METHODS, NOTIFICATIONS, TEST_METHODS, Method
from lockside.protocol.schemas import described
from lockside.protocol.sentences import summary

OPENRPC_VERSION: Final = "1.3.2"
_TEMPLATE: Final = "#/components/schemas/{name}"
_MEANINGS: Final = {
    ErrorKind.PARSE_ERROR: "The text is not JSON.",
    ErrorKind.INVALID_REQUEST: "The text is not a JSON-RPC 2.0 request.",
    ErrorKind.METHOD_NOT_FOUND: "There is no such method.",
    ErrorKind.INVALID: "A parameter is missing, unknown or wrong; data.path names it.",
    ErrorKind.INTERNAL: "The daemon failed; its log has the details.",
    ErrorKind.NOT_FOUND: "There is no such object.",
    ErrorKind.CONFLICT: "It contradicts what is stored or what runs.",
    ErrorKind.INVALID_TRANSITION: "The job's status does not allow it.",
    ErrorKind.FORBIDDEN: "The caller's role or ownership does not allow it.",
    ErrorKind.DISABLED: "The configuration is disabled; mode forceRun runs it anyway.",
    ErrorKind.UNAVAILABLE: "The daemon cannot do it now; try again later.",
    ErrorKind.LIMIT: "A limit of size or number is exceeded.",
    ErrorKind.TIMEOUT: "It took too long.",
    ErrorKind.FAILED: "The component failed, or its answer was invalid.",
}


@cache
def document(version: str, *, with_test_clock: bool = False) -> dict[str, Any]:
    """Return the document of a daemon of that version. The object is shared and must not be changed."""
    return describe(TEST_METHODS if with_test_clock else METHODS, version)


def describe(methods: Mapping[str, Method], version: str) -> dict[str, Any]:
    """Return the document of a table of methods."""
    types = [part for method in methods.values() for part in _types_of(method)]
    types += [*NOTIFICATIONS.values(), Configuration]
    schemas, components = described(types, _TEMPLATE)
    by_type = dict(zip(map(id, types), schemas, strict=False))
    return {
        "openrpc": OPENRPC_VERSION,
        "info": {
            "title": "lockside",
            "version": version,
            "description": "JSON-RPC 2.0 over a Unix socket, one JSON text a line or Content-Length framed.",
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "methods": [_method(method, components, by_type) for method in methods.values()],
        "components": {"schemas": components, "errors": _errors()},
        "x-notifications": [
            {
                "name": name,
                "description": summary(kind),
                "params": {"$ref": _TEMPLATE.format(name=kind.__name__)},
            }
            for name, kind in NOTIFICATIONS.items()
        ],
        "x-events": [{"kind": kind, "data": data} for kind, data in EVENT_KINDS.items()],
    }


def _types_of(method: Method) -> list[Any]:
    return [method.params, *method.results]


def _method(method: Method, components: dict[str, Any], by_type: dict[int, Any]) -> dict[str, Any]:
    schema = components[method.params.__name__]
    required = set(schema.get("required", ()))
    results = [by_type[id(part)] for part in method.results]
    return {
        "name": method.name,
        "summary": method.summary,
        "description": summary(method.params),
        "tags": [{"name": method.name.partition(".")[0]}],
        "paramStructure": "by-name",
        "params": [
            {
                "name": name,
                "description": part.get("description", ""),
                "required": name in required,
                "schema": part,
            }
            for name, part in sorted(schema["properties"].items(), key=lambda item: item[0] not in required)
        ],
        "result": {"name": "result", "schema": results[0] if len(results) == 1 else {"anyOf": results}},
        "errors": [{"$ref": f"#/components/errors/{kind.value}"} for kind in method.errors],
        "examples": [
            {
                "name": f"an example of {method.name}",
                "params": [{"name": name, "value": value} for name, value in method.example.items()],
            }
        ],
        "x-role": method.role.word,
        "x-mutates": method.mutates,
    }


def _errors() -> dict[str, Any]:
    return {
        kind.value: {"code": code, "message": _MEANINGS[kind], "data": {"kind": kind.value}}
        for kind, code in CODES.items()
    }
