"""Requests made from the daemon's own OpenRPC document, then spoilt: the grammar of the fuzzer. No I/O.

Everything that could be run as a program is harmless; hostile values are hostile only to a JSON reader.
"""

import json
import random
import re
import string
from typing import Any

Json = dict[str, Any]

MANY = 5000
LARGE = 10_000
DEPTHS = (20, 60, 130, 400, 700)
WORDS_OF_SHELLS = ["true", "exit 1", "exit 3", "echo out; echo err 1", "sleep 0.01", ""]
WHOLE_NUMBERS = [0, 1, -1, 2, 100, 1000, 2**31, 2**53 - 1, 2**53, 2**63 - 1, 2**63, 2**64, 2**70, -(2**70)]
NUMBERS = [0.0, -0.0, 0.5, 1.0, 1.5, 1e-9, 1e308, -1e308, float("nan"), float("inf"), float("-inf")]
TEXTS = [
    "", " ", ".", "..", "../../etc/passwd", "/", "//", "a/b", "a\0b", "\0", "\n", "a\n", "\r\n", "-",
    "--help",
    "\ud800", "\udfff", "\U0010ffff", "\u202e", "\ufeff", "٣", "٣" * 20, "１", "²", "💥" * 500, "x" * 100_000,
    "9" * 18, "9" * 19, "9" * 30, "9" * 64, "9" * 255, "9" * 5000, "0", "00", "-1", "1.0", "1e5", "1e1000",
    "'; DROP TABLE jobs; --", "1' OR '1'='1", "%s%n", "${HOME}", "$(true)", "{{x}}", "{{", "\x1b[31m", "null",
    "NaN",
    "infinity", "high", "1.5GB", "02:30:00", "9999999:59:59", "2026-01-31T08:00:00Z", "0000-01-01T00:00:00Z",
    "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "2026-02-30T00:00:00Z", "exclusive", "shared:2",
    "shared:999999", "none", "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff",
    "__proto__", "id", "self", "*", "?", "[a-z]", "\\", '"', "a" * 64, "a" * 65, "a" * 255, "a" * 256,
]  # fmt: skip
PROGRAMS: list[list[str]] = [
    ["true"],
    ["false"],
    ["no-such-program"],
    ["sh", "-c", "exit 3"],
    ["echo", "{datadir}"],
]
SCHEMAS: list[Any] = [
    {},
    {"type": "object"},
    {"type": "nothing"},
    {"$ref": "#/nowhere"},
    {"pattern": "("},
    {"required": 1},
]

ORCHESTRATOR = "lockside.orchestrator"
PHASE_IN_A_CIRCLE = {"id": "p1", "dependsOn": ["p1"]}

# What the campaign's daemon has, or may come to have, by the names of the fields that name it.
KNOWN: dict[str, list[Any]] = {
    "project": ["default", "other"],
    "component": ["fuzz.plain", "fuzz.strict", "fuzz.rows", "fuzz.made", "lockside.command", ORCHESTRATOR],
    "config": ["one", "rows", "nightly", "made", "disabled"],
    "toConfig": ["copied", "one"],
    "row": ["r1", "r2", "nowhere"],
    "configRowIds": [[], ["r1"], ["r1", "r2"], ["nowhere"]],
    "onlyOrchestrationTaskIds": [["t1"], ["t1", "t2"], []],
    "pool": ["default", "heavy", "nowhere", "small"],
    "id": ["fuzz.plain", "fuzz.made", "default", "heavy", "eu", "one", "r1", "t1", "p1"],
    "branchId": ["default", "side"],
    "toBranchId": ["default", "side"],
    "variableValuesId": ["eu", "nowhere"],
    "subscription": ["1", "2", "3"],
    "action": ["ping", "run", "nothing"],
    "command": PROGRAMS,
    "pipeline": [[one, ["cat"]] for one in PROGRAMS],
    "shell": WORDS_OF_SHELLS,
    "cwd": ["/", "/tmp", "/nowhere", "."],
    "user": ["root", "nobody", "no-such-user", "0"],
    "stopSignal": ["TERM", "SIGINT", "KILL", "9", 15, 0, 65],
    "schema": SCHEMAS,
    "rowSchema": SCHEMAS,
    "parameters": [{}, {"country": "CZ"}, {"#secret": "hush hush"}, {"shell": "true"}, {"command": ["true"]}],
    "runtime": [{}, {"parallelism": 2}, {"pool": "heavy"}, {"retry": {"maxAttempts": 2}}],
    "phases": [[], [{"id": "p1"}], [{"id": "p1"}, {"id": "p2", "dependsOn": ["p1"]}], [PHASE_IN_A_CIRCLE]],
    "tasks": [
        [],
        [{"id": "t1", "phase": "p1", "task": {"component": "fuzz.plain"}}],
        [{"id": "t1", "phase": "p2", "task": {"component": ORCHESTRATOR, "config": "nightly"}}],
    ],
    "expectedVersion": [0, 1, 2],
    "kinds": [[], ["job.status"], ["job.created", "pool.put"]],
    "deduplicationId": ["same", "other", "third"],
    "deduplication_id": ["same"],
    "fields": [["status"], ["id", "result"], []],
    "cursor": ["", "x", "eyJ9", "1", "AAAA"],
    "owner": ["root", "nobody", "0", "65534", "no-such-user"],
    "when": ["success", "failed", "final"],
}  # fmt: skip


class Grammar:
    """Makes requests of one document's methods; `jobs` are ids seen so far, `path` a folder to write to."""

    def __init__(self, document: Json, chance: random.Random, path: str) -> None:
        self.chance = chance
        self.jobs: list[str] = ["1", "2", "3"]
        self.tokens: list[str] = ["1-1-0"]
        self._schemas = document["components"]["schemas"]
        self._methods = {one["name"]: one for one in document["methods"]}
        self._path = path

    @property
    def methods(self) -> list[str]:
        return list(self._methods)

    # -- valid values

    def params(self, method: str) -> Json:
        """Return parameters that the document allows, or nearly."""
        example = {one["name"]: one["value"] for one in self._methods[method]["examples"][0]["params"]}
        made = json.loads(json.dumps(example)) if self.chance.random() < 0.3 else {}
        for parameter in self._methods[method]["params"]:
            name = parameter["name"]
            if parameter["required"] or self.chance.random() < 0.15:
                made[name] = self._named(name, parameter["schema"], 0)
        return made

    def _named(self, name: str, schema: Any, depth: int) -> Any:
        """Return a value for a field of that name, usually a meaningful one."""
        known = self._known(name)
        return self.chance.choice(known) if known and self.chance.random() < 0.75 else self._of(schema, depth)

    def _known(self, name: str) -> list[Any]:
        match name:
            case "id" | "job" | "previousJobId" | "parentRunId" | "waiterRunId" | "runIdPrefix":
                return self.jobs + (KNOWN["id"] if name == "id" else [])
            case "ids":
                return [[one] for one in self.jobs] + [self.jobs[:3]]
            case "token":
                return self.tokens
            case "path":
                places = (
                    self._path,
                    f"{self._path}/{self.chance.randrange(9)}.db",
                    "/nowhere/x",
                    "/",
                    "/" + "x" * 300,
                )
                return list(places)
            case _:
                return KNOWN.get(name, [])

    def _of(self, schema: Any, depth: int) -> Any:
        """Return a value for a JSON Schema, as far as one can be guessed."""
        if not isinstance(schema, dict) or not schema or depth > 5:
            return self.anything(1)
        if "$ref" in schema:
            return self._of(self._schemas[schema["$ref"].rpartition("/")[2]], depth)
        for members in ("anyOf", "oneOf"):
            if members in schema:
                return self._of(self.chance.choice(schema[members]), depth)
        if "enum" in schema:
            return self.chance.choice(schema["enum"])
        if "const" in schema:
            return schema["const"]
        kind = schema.get("type")
        return self._of_kind(self.chance.choice(kind) if isinstance(kind, list) else kind, schema, depth)

    def _of_kind(self, kind: str | None, schema: Json, depth: int) -> Any:
        match kind:
            case "object":
                return self._object(schema, depth)
            case "array":
                least = schema.get("minItems", 0)
                count = least + self.chance.choice((0, 0, 1, 1, 2))
                return [self._of(schema.get("items"), depth + 1) for _ in range(count)]
            case "string":
                return self._text(schema)
            case "integer" | "number":
                low = schema.get("minimum", schema.get("exclusiveMinimum", 0))
                high = schema.get("maximum", low + 10)
                return self.chance.choice((low, high, low + 1, min(high, low + 5)))
            case "boolean":
                return self.chance.random() < 0.5
            case "null":
                return None
            case _:
                return self.anything(1)

    def _object(self, schema: Json, depth: int) -> Json:
        required = schema.get("required", ())
        made = {}
        for name, part in schema.get("properties", {}).items():
            if name in required or self.chance.random() < 0.25:
                made[name] = self._named(name, part, depth + 1)
        more = schema.get("additionalProperties")
        if isinstance(more, dict) and not made:
            made = {f"K{number}": self._of(more, depth + 1) for number in range(self.chance.randrange(3))}
        return made

    def _text(self, schema: Json) -> str:
        pattern = schema.get("pattern")
        fitting = [*self.jobs, *TEXTS, *map(str, schema.get("examples", ())), "made"]
        if pattern is not None:
            fitting = [text for text in fitting if re.search(pattern.replace("(?!\\n)", ""), text)] or [
                "made"
            ]
        low, high = schema.get("minLength", 0), schema.get("maxLength", 300)
        fitting = [text for text in fitting if low <= len(text) <= high] or ["made"]
        return self.chance.choice(fitting)

    # -- invalid values

    def anything(self, depth: int = 0) -> Any:
        """Return any JSON value, or one that JSON does not have."""
        pick = self.chance.random()
        if pick < 0.35:
            return self.chance.choice(TEXTS)
        if pick < 0.55:
            return self.chance.choice(WHOLE_NUMBERS)
        if pick < 0.65:
            return self.chance.choice(NUMBERS)
        if pick < 0.75:
            return self.chance.choice((None, True, False))
        if pick < 0.8:
            return self._deep()
        if pick < 0.82:
            return [self.chance.choice((0, "", [], {}))] * MANY
        if depth > 2:
            return []
        if pick < 0.92:
            return [self.anything(depth + 1) for _ in range(self.chance.randrange(3))]
        return {self._key(): self.anything(depth + 1) for _ in range(self.chance.randrange(3))}

    def _deep(self) -> Any:
        value: Any = []
        for _ in range(self.chance.choice(DEPTHS)):
            value = [value] if self.chance.random() < 0.5 else {"a": value}
        return value

    def _key(self) -> str:
        return self.chance.choice([*KNOWN, *TEXTS[:30], "colour", *self._random_words()])

    def _random_words(self) -> list[str]:
        letters = string.ascii_letters + string.digits + "._-#äß\x1b\x7f\u2028"
        return ["".join(self.chance.choices(letters, k=self.chance.randrange(1, 12)))]

    def spoil(self, value: Any) -> Any:
        """Return the value with one change at any depth."""
        if isinstance(value, dict) and value and self.chance.random() < 0.8:
            name = self.chance.choice(list(value))
            match self.chance.randrange(8):
                case 0:
                    return {key: one for key, one in value.items() if key != name}
                case 1:
                    return value | {self._key(): self.anything()}
                case 2:
                    return value | {name: self.anything()}
                case _:
                    return value | {name: self.spoil(value[name])}
        if isinstance(value, list) and value and self.chance.random() < 0.8:
            place = self.chance.randrange(len(value))
            match self.chance.randrange(4):
                case 0:
                    return value + value
                case 1 if len(json.dumps(value)) < LARGE:
                    return value * 200
                case _:
                    return [*value[:place], self.spoil(value[place]), *value[place + 1 :]]
        if isinstance(value, str) and self.chance.random() < 0.3:
            return value + self.chance.choice(TEXTS)
        return self.anything()

    # -- whole requests

    def request(self, number: int, method: str) -> "Request":
        """Return a request of a method, valid or spoilt once or more, with its text."""
        params: Any = self.params(method)
        for _ in range(self.chance.choice((0, 0, 1, 1, 1, 2, 3))):
            spoilt = self.spoil(params)
            params = spoilt if isinstance(spoilt, dict) or self.chance.random() < 0.1 else params
        envelope: Json = {"jsonrpc": "2.0", "id": number, "method": method, "params": bounded(method, params)}
        if self.chance.random() < 0.06:
            envelope = self._spoilt_envelope(envelope)
        return Request(envelope, self._text_of(envelope))

    def _spoilt_envelope(self, envelope: Json) -> Json:
        name = self.chance.choice(("jsonrpc", "id", "method", "params", "more"))
        if name != "params" and self.chance.random() < 0.3:
            return {key: one for key, one in envelope.items() if key != name or name == "id"}
        return envelope | {
            name: bounded(envelope["method"], self.anything()) if name == "params" else self.anything()
        }

    def _text_of(self, envelope: Json) -> bytes:
        text = json.dumps(envelope)
        params = envelope.get("params")
        if isinstance(params, dict) and params and self.chance.random() < 0.05:
            name = self.chance.choice(list(params))
            twice = {**envelope, "params": "@"}
            first = json.dumps({name: self.anything()})[:-1]  # the last of two equal names counts
            text = json.dumps(twice).replace('"@"', first + "," + json.dumps(params)[1:])
        return text.encode()


class Request:
    """A request as values and as text."""

    def __init__(self, envelope: Json, text: bytes) -> None:
        self.envelope = envelope
        self.text = text

    @property
    def method(self) -> Any:
        return self.envelope.get("method")

    @property
    def params(self) -> Json:
        params = self.envelope.get("params")
        return params if isinstance(params, dict) else {}

    def __str__(self) -> str:
        return (
            self.text.decode()
            if len(self.text) < 3000
            else f"{self.text[:3000].decode()}… ({len(self.text)} bytes)"
        )


def bounded(method: str, params: Any) -> Any:
    """Return the same request with short time-outs, so that nothing takes long."""
    if not isinstance(params, dict):
        return params
    if method == "job.wait" and _may_wait(params.get("timeoutSeconds")):
        return params | {"timeoutSeconds": 0.01}
    if method == "job.log" and "waitSeconds" in params and _may_wait(params["waitSeconds"]):
        return params | {"waitSeconds": 0.01}
    return params


def _may_wait(value: Any) -> bool:
    if isinstance(value, str):
        return ":" in value
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool) and value > 0.05)
