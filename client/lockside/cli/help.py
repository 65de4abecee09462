"""Help about commands, derived from their table, and about topics, from the handbook and the reference."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from lockside.cli.commands import COMMANDS, GLOBAL_OPTIONS, GROUPS, SECTIONS
from lockside.cli.grammar import Argument, Command, Option
from lockside.cli.terminal.output import Output

_WIDEST = 80
_NARROWEST = 40
_FIRST = (
    ("lockside demo", "run a demonstration"),
    ("lockside start", "start a daemon for your user"),
    ("lockside init", "write a working pipeline"),
    ("lockside run -- make -j2", "run any command as a job"),
    ("lockside run shop.orders/daily --follow", "run a configuration"),
    ("lockside ls", "running and waiting jobs"),
)


def help_text(name: str) -> str:
    """Return the help of a command, of a group (`pool`), or of all (empty); empty for an unknown name."""
    if not name:
        return _overview()
    for command in COMMANDS:
        if name == command.name or name in command.aliases:
            return _command_help(command)
    return _group_help(name) if name in GROUPS else ""


def topic_lines(topic: str, out: Output) -> list[str]:
    """Return the lines of a command's help, a page of the handbook or of the reference; none if unknown."""
    from lockside.cli.handbook import INDEX, page

    text = help_text(topic) if topic else ""
    if text:
        return text.rstrip("\n").split("\n")
    found = page(topic or INDEX)
    if not found:
        from lockside.cli.reference import reference

        found = reference(topic)
    if not found:
        return []
    from lockside.cli.terminal.markdown import laid_out

    return laid_out(found.rstrip("\n"), out.width, out.paint if out.coloured else None)


def topics() -> list[str]:
    """Return all topics of the help."""
    from lockside.cli import handbook, reference

    commands = (command.name for command in COMMANDS)
    return [*commands, *GROUPS, *handbook.topics(), *reference.topics()]


def _overview() -> str:
    lines = [*_paragraphs("lockside - a durable job daemon for data pipelines"), "", *_columns(_FIRST), ""]
    for title, family in SECTIONS:
        lines += [f"{title}:", *_columns(_rows(family)), ""]
    lines += ["options for every command:", *_columns(map(option_row, GLOBAL_OPTIONS)), ""]
    lines += _paragraphs("More: lockside COMMAND --help · lockside pool --help · lockside help")
    return "\n".join(lines) + "\n"


def _rows(family: Iterable[Command]) -> Iterator[tuple[str, str]]:
    """Yield a row for each command, and one for each group, which lists its verbs."""
    by_group: dict[str, list[Command]] = {}
    for command in family:
        by_group.setdefault(command.name.partition(" ")[0], []).append(command)
    for group, commands in by_group.items():
        if group in GROUPS and len(commands) > 1:
            verbs = ", ".join(command.name.partition(" ")[2] for command in commands)
            yield f"{group} ...", f"{GROUPS[group]}: {verbs}"
        else:
            yield from ((command.name, command.summary) for command in commands)


def _group_help(group: str) -> str:
    members = [command for command in COMMANDS if command.name.startswith(group + " ")]
    lines = [*_paragraphs(f"lockside {group} - {GROUPS[group]}"), ""]
    lines += _columns((f"lockside {example}", said) for example, said in _first_examples(members))
    lines += ["", *_paragraphs(f"More: lockside {group} COMMAND --help")]
    return "\n".join(lines) + "\n"


def _first_examples(commands: Sequence[Command]) -> list[tuple[str, str]]:
    return [(command.examples[0][0].removeprefix("lockside "), command.summary) for command in commands]


def _command_help(command: Command) -> str:
    lines = [*_paragraphs(f"lockside {command.name} - {command.summary}"), ""]
    lines += _columns(command.examples)
    lines += ["", *usage(command)]
    if command.arguments:
        lines += ["", "arguments:", *_columns((each.metavar, each.help) for each in command.arguments)]
    if command.options:
        lines += ["", "options:", *_columns(map(option_row, command.options))]
    if command.notes:
        lines += ["", *_paragraphs(command.notes)]
    if command.aliases:
        lines += ["", "also as: " + ", ".join(command.aliases)]
    lines += [
        "",
        *_paragraphs("Options for every command: --socket --project --json --plain (lockside --help)"),
    ]
    return "\n".join(lines) + "\n"


def _width() -> int:
    """Return the width of the help: that of the terminal within limits."""
    from lockside.cli.terminal.output import terminal_width

    return max(_NARROWEST, min(_WIDEST, terminal_width()))


def _paragraphs(text: str) -> list[str]:
    """Wrap each paragraph; paragraphs are separated by empty lines."""
    from lockside.cli.terminal.output import wrapped

    return [line for paragraph in text.split("\n\n") for line in wrapped(paragraph, _width(), "")]


def usage(command: Command) -> list[str]:
    """Return the usage lines of a command."""
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


def option_row(option: Option) -> tuple[str, str]:
    """Return the flags of an option with its metavar, and its help."""
    flags = ", ".join(option.flags)
    indent = "" if len(option.flags) > 1 else "    "
    return f"{indent}{flags} {option.metavar}".rstrip(), option.help


def _columns(rows: Iterable[tuple[str, str]]) -> list[str]:
    """Format two columns; a left side that is too long gets its own line."""
    from lockside.cli.terminal.output import wrapped

    listed = list(rows)
    whole = _width()
    width = min(46, whole // 2, max((len(left) for left, _ in listed), default=0))
    lines = []
    for left, right in listed:
        first, *more = [line.strip() for line in wrapped(right, whole - width - 4, "")] or [""]
        fits = len(left) <= width
        lines += [] if fits else [f"  {left}"]
        lines.append(f"  {left if fits else '':<{width}}  {first}".rstrip())
        lines += [f"  {'':<{width}}  {line}" for line in more]
    return lines
