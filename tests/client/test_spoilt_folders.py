"""Whatever is wrong in a folder is found by `validate`, with its file, line and field and what is right.

None of it is left for `apply` or a run to find.
"""

import json
from pathlib import Path

import pytest

from client.conftest import Run

SOUND = {
    "components/shop.orders.toml": 'command = ["true"]\n[tags.v1]\n',
    "configs/shop.orders/daily.toml": '[[rows]]\nid = "eu"\n',
    "pools.toml": "[loads]\nslots = 2\n",
    "variables/eu.toml": 'region = "eu"\n',
}
A, X, X_JSON = "components/a.toml", "configs/shop.orders/x.toml", "configs/shop.orders/x.json"
COMMAND, FLOW = "configs/lockside.command/c.toml", "configs/lockside.orchestrator/o.toml"
TASK = '[[phases]]\nid = "a"\n[[tasks]]\nid = "t"\nphase = "a"\n'
SPOILT = [
    (
        A,
        'command = ["true"]\n[schema]\ntype = "objekt"\n',
        3,
        "schema.type",
        "It is not a usable JSON Schema: the value is not valid under",
    ),
    (
        A,
        'command = ["true"]\n[schema.properties.x]\npattern = "("\n',
        3,
        "schema.properties.x.pattern",
        'It is not a usable JSON Schema: the value is not a "regex".',
    ),
    (
        A,
        'command = ["true"]\n[schema]\nrequired = "x"\n',
        3,
        "schema.required",
        'It is not a usable JSON Schema: the value is not of type "ar',
    ),
    (
        X,
        '[[processors.after]]\ndefinition = { component = "shop.order" }\n',
        2,
        "processors.after[0].definition.component",
        "There is no component 'shop.order'. Did you mean 'shop.order",
    ),
    (
        X,
        '[[processors.after]]\ndefinition = { componnent = "shop.orders" }\n',
        2,
        "processors.after[0].definition.component",
        "The field `component` is missing: it is required.",
    ),
    (
        X,
        "[[processors.after]]\nparameters = {}\n",
        1,
        "processors.after[0].definition",
        "The field `definition` is missing: it is required.",
    ),
    (X, '[runtime]\ntag = "v9"\n', 2, "runtime.tag", "Component shop.orders has no tag 'v9'. Its tags: v1."),
    (
        X,
        '[runtime]\nlock = "shared:0"\n',
        2,
        "runtime.lock",
        "It must be 'exclusive', 'none' or 'shared:N' with N from 1 t",
    ),
    (X, "[runtime.limits]\ntimeoutSeconds = 0\n", 2, "runtime.limits.timeoutSeconds", "It must be above 0."),
    (
        X,
        "[runtime.limits]\ntimeout = 5\n",
        2,
        "runtime.limits.timeout",
        "Unknown field `timeout`: did you mean `timeoutSeconds`?",
    ),
    (X, "[runtime.retry]\nmaxAttempts = 0\n", 2, "runtime.retry.maxAttempts", "It must be at least 1."),
    (
        X,
        "[runtime.retry]\ndelaySeconds = 3\n",
        1,
        "runtime.retry.maxAttempts",
        "The field `maxAttempts` is missing: it is required.",
    ),
    (
        X,
        '[runtime.retry]\nmaxAttempts = 2\non = ["never"]\n',
        3,
        "runtime.retry.on[0]",
        "'never' is not one of user, application, timeout, lost.",
    ),
    (X, '[runtime]\nonLost = "eror"\n', 2, "runtime.onLost", "'eror' is not one of requeue, error."),
    (X, '[runtime]\npool = "load"\n', 2, "runtime.pool", "There is no pool 'load'. Did you mean 'loads'?"),
    (A, "command = []\n", 1, "command", "It must have at least 1 member."),
    (A, "pipeline = []\n", 1, "pipeline", "It must have at least 1 member."),
    (A, 'pipeline = [["a"], []]\n', 1, "pipeline[1]", "It must have at least 1 member."),
    (A, 'command = ["a\\u0000b"]\n', 1, "command[0]", "It must not contain a NUL character."),
    (
        A,
        'command = ["a"]\nshell = "b"\n',
        1,
        "command",
        "Give exactly one of `command`, `pipeline` and `shell`.",
    ),
    (A, 'command = ["a"]\ngraceSeconds = -1\n', 2, "graceSeconds", "It must be at least 0."),
    (
        A,
        'command = ["a"]\n[environment]\n"A=B" = "x"\n',
        2,
        "environment",
        "Each name in it must be a variable's name, without '=' and N",
    ),
    (
        A,
        'command = ["a"]\n[environment]\nA = 3\n',
        3,
        "environment.A",
        "It must be a text, not a whole number.",
    ),
    (
        A,
        'command = ["a"]\numask = "9"\n',
        2,
        "umask",
        "It must be an umask of three octal digits, as in '022', or e",
    ),
    (A, 'command = ["a"]\nleftovers = "wai"\n', 2, "leftovers", "'wai' is not one of stop, wait."),
    (
        A,
        'command = ["a"]\n[exitCodes]\n3 = "fine"\n',
        3,
        "exitCodes.3",
        "Unknown field `3`; known here are success, userError.",
    ),
    (
        A,
        'command = ["a"]\n[limits]\nmemoryBytes = "1XB"\n',
        3,
        "limits.memoryBytes",
        "'1XB' is not a size: write a number of bytes, or a text such",
    ),
    (A, 'command = ["a"]\n[limits]\nmemoryBytes = 0\n', 3, "limits.memoryBytes", "It must be at least 1."),
    (
        A,
        'command = ["a"]\ncolour = "v9"\n',
        2,
        "colour",
        "Unknown field `colour`; known here are command, pipeline",
    ),
    (
        A,
        'command = ["a"]\nactions = ["a b"]\n',
        2,
        "actions[0]",
        "It must consist of ASCII letters, digits,",
    ),
    (
        A,
        'command = ["a"]\n[tags."v 2"]\ncommand = ["b"]\n',
        2,
        "tags",
        "Each name in it must consist of ASCII letters, ",
    ),
    (
        A,
        'command = ["a"]\n[tags.v2]\ncomand = ["b"]\n',
        3,
        "tags.v2.comand",
        "Unknown field `comand`: did you mean `command`?",
    ),
    (
        A,
        'command = ["a"]\ntype = "foo"\n',
        2,
        "type",
        "'foo' is not one of extractor, transformation, writer, appli",
    ),
    (A, 'command = ["a"]\ndescription = 3\n', 2, "description", "It must be a text, not a whole number."),
    (
        "components/a b.toml",
        'command = ["a"]\n',
        1,
        "id",
        "It must consist of ASCII letters, digits,",
    ),
    (
        "components/a..b.toml",
        'command = ["a"]\n',
        1,
        "id",
        "It must consist of ASCII letters, digits,",
    ),
    (f"components/{'a' * 90}.toml", 'command = ["a"]\n', 1, "id", "It must have at most 80 characters."),
    (
        "configs/shop.orders/b c.toml",
        "",
        1,
        "config",
        "It must consist of ASCII letters, digits,",
    ),
    (
        "configs/shop.orders/daily/rows/a b.toml",
        "",
        1,
        "id",
        "It must consist of ASCII letters, digits,",
    ),
    (X, 'name = "' + "x" * 300 + '"\n', 1, "name", "It must have at most 255 characters."),
    (X, 'isDisabled = "yes"\n', 1, "isDisabled", "It must be true or false, not a text."),
    (
        X_JSON,
        '{"parameters": {"a": "\\ud800"}}',
        1,
        "parameters.a",
        "It has half of a character, which is no text: write the whol",
    ),
    (
        X_JSON,
        '{"parameters": {"a": ' + "[" * 120 + "]" * 120 + "}}",
        1,
        "configuration",
        "It is nested deeper than 100 levels.",
    ),
    (
        X,
        "[variables]\na = []\n",
        2,
        "variables.a",
        "It must be true or false, a whole number, a number, a text, ",
    ),
    (X, '[[rows]]\nname = "x"\n', 1, "rows[0].id", "The field `id` is missing: it is required."),
    (
        X,
        '[[rows]]\nid = "r"\nisDisable = true\n',
        3,
        "rows[0].isDisable",
        "Unknown field: did you mean `isDisabled`?",
    ),
    (X, "rows = 3\n", 1, "rows", "It must be a list, not a whole number."),
    (X, "parameters = 3\n", 1, "parameters", "It must be an object, not a whole number."),
    (X, 'processors = "x"\n', 1, "processors", "It must be an object, not a text."),
    (
        COMMAND,
        '[parameters]\ncommand = ["a"]\nshell = "b"\n',
        2,
        "parameters.command",
        "Give exactly one of `command`, `pipeline` and `shell`.",
    ),
    (
        COMMAND,
        "[parameters]\n",
        1,
        "parameters.command",
        "Give exactly one of `command`, `pipeline` and `shell`.",
    ),
    (
        COMMAND,
        "",
        1,
        "configuration.parameters.command",
        "Give exactly one of `command`, `pipeline` and `shell`.",
    ),
    (COMMAND, '[parameters]\ncommand = "ls"\n', 2, "parameters.command", "It must be a list, not a text."),
    (
        "pools.toml",
        '["a b"]\nslots = 1\n',
        1,
        "a b.id",
        "It must consist of ASCII letters, digits,",
    ),
    ("pools.toml", "[a]\nslots = 1.5\n", 2, "a.slots", "It must be a whole number or a text, not a number."),
    ("pools.toml", "[a]\nslot = 1\n", 2, "a.slot", "Unknown field `slot`: did you mean `slots`?"),
    ("pools.toml", '[a]\nexecutor = "slurm"\nslots = 1\n', 2, "a.executor", "'slurm' is not one of local."),
    (
        "variables/x.toml",
        '"1a" = "x"\n',
        1,
        "1a",
        "It must be a variable's name: a letter or '_', then letters,",
    ),
    (
        "variables/a b.toml",
        'a = "x"\n',
        1,
        "id",
        "It must consist of ASCII letters, digits,",
    ),
    ("variables/x.toml", 'a = "x\\u0000"\n', 1, "a", "It must not contain a NUL character."),
    (
        FLOW,
        TASK + 'task = { config = "daily" }\n',
        6,
        "tasks[0].task.component",
        "Name a component or a template.",
    ),
    (
        FLOW,
        TASK + 'task = { component = "shop.orders", config = "daily", configData = {} , mode = "fast" }\n',
        6,
        "tasks[0].task.mode",
        "'fast' is not one of run, forceRun, debug.",
    ),
    (
        FLOW,
        TASK + 'task = { component = "shop.order", config = "daily" }\n',
        6,
        "tasks[0].task.component",
        "There is no component 'shop.order'. Did you mean 'shop.order",
    ),
    (
        FLOW,
        TASK + 'task = { component = "shop.orders", config = "daily", variableValuesId = "eus" }\n',
        6,
        "tasks[0].task.variableValuesId",
        "There is no set of variables 'eus'. Did you mean 'eu'?",
    ),
    (
        FLOW,
        TASK + 'task = { component = "shop.orders", config = "daily", configRowIds = ["us"] }\n',
        6,
        "tasks[0].task.configRowIds[0]",
        "There is no row 'shop.orders/daily/us'. Did you mean 'shop.o",
    ),
    (
        FLOW,
        TASK + 'task = { component = "shop.orders", config = "daily", limits = { timeoutSeconds = "x" } }\n',
        6,
        "tasks[0].task.limits.timeoutSeconds",
        "'x' is not a duration: write a number of seconds, or a text ",
    ),
    (
        FLOW,
        TASK + 'task = { component = "lockside.orchestrator", config = "o" }\n',
        6,
        "tasks[0].task.config",
        "Orchestration o contains itself: o -> o.",
    ),
    (
        FLOW,
        '[[phases]]\nid = "a"\n[[phases]]\nid = "a"\n',
        4,
        "phases[1].id",
        "The id 'a' is taken by phases[0].",
    ),
    (
        FLOW,
        '[[phases]]\nid = "a"\ndependsOn = ["b"]\n',
        3,
        "phases[0].dependsOn[0]",
        "There is no phase 'b'.",
    ),
    (
        FLOW,
        TASK
        + 'task = { component = "shop.orders" }\n'
        + '[[tasks]]\nid = "t"\nphase = "a"\ntask = { component = "shop.orders" }\n',
        8,
        "tasks[1].id",
        "The id 't' is taken by tasks[0].",
    ),
    (FLOW, '[[phases]]\nname = "x"\n', 1, "phases[0].id", "The field `id` is missing: it is required."),
    (
        FLOW,
        '[[tasks]]\nid = "t"\ntask = { component = "shop.orders" }\n',
        1,
        "tasks[0].phase",
        "The field `phase` is missing: it is required.",
    ),
    (
        FLOW,
        TASK + 'task = { component = "shop.orders", pool = "load" }\n',
        6,
        "tasks[0].task.pool",
        "There is no pool 'load'. Did you mean 'loads'?",
    ),
    (
        FLOW,
        TASK + 'task = { component = "shop.orders", parallelism = 3 }\ncontinueOnFailure = "yes"\n',
        7,
        "tasks[0].continueOnFailure",
        "It must be true or false, not a text.",
    ),
    (
        FLOW,
        TASK + 'enable = false\ntask = { component = "shop.orders" }\n',
        6,
        "tasks[0].enable",
        "Unknown field `enable`: did you mean `enabled`?",
    ),
]


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


@pytest.mark.parametrize(("file", "text", "line", "field", "says"), SPOILT)
def test_a_spoilt_file_is_told_with_line_field_and_what_is_right(
    run: Run, tmp_path: Path, file: str, text: str, line: int, field: str, says: str
) -> None:
    write(tmp_path, SOUND | {file: text})
    ran = run("validate", str(tmp_path), "--json")
    assert ran.code == 2
    found = json.loads(ran.out)["faults"][0]
    assert (found["file"], found["line"], found["field"]) == (str(tmp_path / file), line, field)
    assert found["message"].startswith(says)


def test_the_folder_that_they_spoil_is_sound(run: Run, tmp_path: Path) -> None:
    write(tmp_path, SOUND)
    ran = run("validate", str(tmp_path))
    assert (ran.code, ran.err) == (0, "")


@pytest.mark.parametrize(
    ("text", "note"),
    [
        (
            'command = ["true"]\ncwd = "/gone/away"\n',
            "2: cwd: There is no folder '/gone/away' on this machine",
        ),
        ('command = ["true"]\nuser = "no-such"\n', "2: user: There is no user 'no-such' on this machine"),
        ('command = ["no-such"]\n', "1: command: There is no program 'no-such' on this machine"),
    ],
)
def test_what_another_machine_may_have_is_a_warning(run: Run, tmp_path: Path, text: str, note: str) -> None:
    write(tmp_path, SOUND | {A: text})
    ran = run("validate", str(tmp_path))
    assert ran.code == 0
    assert f"{A}:{note}" in ran.err


def test_orchestrations_that_contain_each_other_are_found(run: Run, tmp_path: Path) -> None:
    def of(config: str) -> str:
        return TASK + f'task = {{ component = "lockside.orchestrator", config = "{config}" }}\n'

    flows = {
        f"configs/lockside.orchestrator/{one}.toml": of(other) for one, other in ("ab", "bc", "ca", "dc")
    }
    write(tmp_path, SOUND | flows)
    faults = json.loads(run("validate", str(tmp_path), "--json").out)["faults"]
    told = {one["message"] for one in faults}
    assert told == {
        f"Orchestration {w[0]} contains itself: {' -> '.join(w)}." for w in ("abca", "bcab", "cabc")
    }
