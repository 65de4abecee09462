"""Everything that the wire offers can be done from the command line, or the reason why not is given."""

from pathlib import Path

import lockside.cli
from lockside.cli.commands import COMMANDS
from lockside.kinds import KINDS, POOL
from lockside.protocol.methods import TEST_METHODS

CLI = Path(lockside.cli.__file__).parent
WITHOUT_A_COMMAND = {
    "catalog.stage": "`apply` sends the parts of a large folder by it",
    "rpc.discover": "`help` and `schema` print the document; `call rpc.discover` prints it raw",
    "session.actAs": "a command acts as who calls it",
    "event.unsubscribe": "a command that follows events ends with its connection",
    **{name: "a test clock is moved by tests" for name in TEST_METHODS if name.startswith("clock.")},
}


def test_every_method_of_the_wire_is_used_by_a_command() -> None:
    code = "".join(path.read_text() for path in CLI.rglob("*.py"))
    names = {command.name for command in COMMANDS}
    of_kinds = {f"{kind.methods}.{verb}": (kind, verb) for kind in KINDS.values() for verb in kind.verbs}
    of_kinds["pool.get"] = POOL, "get"
    left_out = []
    for name in set(TEST_METHODS) - WITHOUT_A_COMMAND.keys():
        if name in of_kinds:
            kind, verb = of_kinds[name]
            word = {"get": "show", "list": "ls", "delete": "rm", "create": "put"}.get(verb, verb)
            if f"{kind.command} {word}" not in names:
                left_out.append(name)
        elif f'"{name}"' not in code:
            left_out.append(name)
    assert left_out == []


def test_no_method_with_a_command_is_listed_as_having_none() -> None:
    assert WITHOUT_A_COMMAND.keys() <= TEST_METHODS.keys()
