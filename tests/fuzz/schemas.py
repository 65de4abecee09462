"""Validators for the schemas of an OpenRPC document, each compiled when first requested.

A schema is referenced in place: joined with all components it would compile all of them each time.
"""

from typing import Any

import jsonschema_rs

DOCUMENT = "urn:openrpc"


class Schemas:
    """The schemas of one document, by their paths in it."""

    def __init__(self, document: dict[str, Any]) -> None:
        draft = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
        self._registry = jsonschema_rs.Registry([(DOCUMENT, document | draft)])
        self._made: dict[str, Any] = {}
        self.places = {one["name"]: f"methods/{place}" for place, one in enumerate(document["methods"])}

    def at(self, path: str) -> Any:
        """Return the validator for the schema at a path such as `methods/0/result/schema`."""
        if path not in self._made:
            schema = {"$ref": f"{DOCUMENT}#/{path}"}
            self._made[path] = jsonschema_rs.Draft202012Validator(schema, registry=self._registry)
        return self._made[path]

    def params(self, method: dict[str, Any]) -> Any:
        """Return the validator for the parameters of a method, given by name."""
        place = f"{self.places[method['name']]}/params"
        if place not in self._made:
            schema = {
                "type": "object",
                "properties": {
                    one["name"]: {"$ref": f"{DOCUMENT}#/{place}/{number}/schema"}
                    for number, one in enumerate(method["params"])
                },
                "required": [one["name"] for one in method["params"] if one["required"]],
                "additionalProperties": False,
            }
            self._made[place] = jsonschema_rs.Draft202012Validator(schema, registry=self._registry)
        return self._made[place]
