"""Help texts, made from the table of commands: what it does, examples first, then how to write it."""

from __future__ import annotations

from lockside.cli.commands import COMMANDS, FAMILIES, GLOBAL_OPTIONS, GROUPS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lockside.cli.grammar import Argument, Command, Option

EXIT_CODES = (
    "exit codes:\n"
    "  0 done, warnings included    1 the job failed, or was refused    2 usage\n"
    "  69 no daemon answers         124 time-out                        130 Ctrl-C\n"
)


def help_text(topic: str) -> str:
    """Give the help of a command, of a group (`pool`), or of all (empty); nothing for an unknown topic."""
    if not topic:
        return _overview()
    for command in COMMANDS:
        if topic == command.name or topic in command.aliases:
            return _command_help(command)
    if topic in GROUPS:
        return _group_help(topic)
    return ""


def _overview() -> str:
    lines = [
        "lockside - a durable job daemon for data pipelines",
        "",
        "  lockside demo                                   see it work, in half a minute",
        "  lockside run -- make -j2                        run any command as a job",
        "  lockside run airports.extract/daily --follow    run a configuration and see its log",
        "  lockside ls                                     what runs, what waits and why",
        "",
    ]
    for title, family in FAMILIES:
        lines += [f"{title}:", *_columns((command.name, command.summary) for command in family), ""]
    lines += ["options for every command:", *_columns(map(_option_row, GLOBAL_OPTIONS)), ""]
    return "\n".join(lines) + EXIT_CODES + "\nMore: lockside COMMAND --help\n"


def _group_help(group: str) -> str:
    members = [command for command in COMMANDS if command.name.startswith(group + " ")]
    lines = [f"lockside {group} - {GROUPS[group]}", ""]
    lines += _columns((f"lockside {example}", said) for example, said in _first_examples(members))
    lines += ["", "commands:", *_columns((command.name, command.summary) for command in members)]
    return "\n".join(lines) + f"\n\nMore: lockside {group} COMMAND --help\n"


def _first_examples(commands: Sequence[Command]) -> list[tuple[str, str]]:
    return [(command.examples[0][0].removeprefix("lockside "), command.summary) for command in commands]


def _command_help(command: Command) -> str:
    lines = [f"lockside {command.name} - {command.summary}", ""]
    lines += _columns(command.examples)
    lines += ["", *_usage(command)]
    if command.arguments:
        lines += ["", "arguments:", *_columns((each.metavar, each.help) for each in command.arguments)]
    if command.options:
        lines += ["", "options:", *_columns(map(_option_row, command.options))]
    if command.notes:
        lines += ["", command.notes]
    if command.aliases:
        lines += ["", "also as: " + ", ".join(command.aliases)]
    return (
        "\n".join(lines)
        + "\n\nOptions for every command: --socket --project --json --plain (lockside --help)\n"
    )


def _usage(command: Command) -> list[str]:
    options = " [OPTIONS]" if command.options else ""
    plain = [_argument_usage(each) for each in command.arguments if each.count != "--"]
    behind = [each for each in command.arguments if each.count == "--"]
    start = f"lockside {command.name}{options}"
    lines = [f"usage: {' '.join([start, *plain])}"]
    lines += [f"       {start} -- {each.metavar} ..." for each in behind]
    return lines


def _argument_usage(argument: Argument) -> str:
    match argument.count:
        case "?":
            return f"[{argument.metavar}]"
        case "*":
            return f"[{argument.metavar} ...]"
        case "+":
            return f"{argument.metavar} ..."
        case _:
            return argument.metavar


def _option_row(option: Option) -> tuple[str, str]:
    flags = ", ".join(option.flags)
    indent = "" if len(option.flags) > 1 else "    "
    return f"{indent}{flags} {option.metavar}".rstrip(), option.help


def _columns(rows: Iterable[tuple[str, str]]) -> list[str]:
    """Lay two columns out; a left side that is too long stands on a line of its own."""
    listed = list(rows)
    width = min(46, max((len(left) for left, _ in listed), default=0))
    lines = []
    for left, right in listed:
        if not right:
            lines.append(f"  {left}")
        elif len(left) <= width:
            lines.append(f"  {left:<{width}}  {right}")
        else:
            lines += [f"  {left}", f"  {'':<{width}}  {right}"]
    return lines
