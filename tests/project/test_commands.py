"""Everything that the wire offers can be done from the command line, or the reason why not is given."""

import re
from collections.abc import Iterator
from pathlib import Path

import lockside.cli
from lockside.cli.commands import COMMANDS, GLOBAL_OPTIONS
from lockside.kinds import KINDS, POOL
from lockside.protocol.methods import TEST_METHODS

CLI = Path(lockside.cli.__file__).parent
ROOT = Path(__file__).resolve().parents[2]
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


def test_commands_named_in_messages_help_and_handbook_exist_with_their_options() -> None:
    files = (path for place in ("client", "daemon", "config") for path in (ROOT / place).rglob("*"))
    texts = {path: path.read_text() for path in files if path.suffix in {".py", ".md", ".html", ".toml"}}
    named = {
        (str(path.relative_to(ROOT)), command)
        for path, text in texts.items()
        for command in re.findall(r"`lockside ([a-z][^`\n]*)`", text)
    }
    assert len(named) > 150
    assert [(file, command, fault) for file, command in sorted(named) for fault in _faults(command)] == []


def _faults(text: str) -> Iterator[str]:
    """Yield what the command line would not accept, without regard to its arguments."""
    words = text.split(" -- ", maxsplit=1)[0].split()
    by_name = {name: command for command in COMMANDS for name in (command.name, *command.aliases)}
    command = by_name.get(" ".join(words[:2])) or by_name.get(words[0])
    if command is None:
        if words[1:] or not any(name.startswith(f"{words[0]} ") for name in by_name):
            yield "no such command"
        return
    options = {flag: option for option in (*command.options, *GLOBAL_OPTIONS) for flag in option.flags}
    for place, word in enumerate(words):
        option = options.get(word.partition("=")[0])
        if word.startswith("-") and option is None:
            yield f"no option {word}"
        elif option and option.metavar and "=" not in word and not words[place + 1 :]:
            yield f"no value of {word}"
