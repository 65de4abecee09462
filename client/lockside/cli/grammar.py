"""The grammar of the command line: commands, arguments and options as data, and the parser that reads them.

It is hand-written because it starts in a tenth of the time of the usual libraries. It prints nothing and is
independent of the commands: their table is in `commands`, the help in `help`.

    lockside [GLOBAL OPTIONS] COMMAND [SUBCOMMAND] [OPTIONS] [ARGUMENTS] [-- REST]

Options and arguments may be mixed. `--name=value` and `--name value` are the same, and so are `-n5` and `-n
5`.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    Values = dict[str, Any]


class UsageError(Exception):
    """An invalid command line; the message names the wrong word, `command` the command whose help to read."""

    def __init__(self, message: str, command: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.command = command


class Option:
    """An option: a flag if it has no metavar, else one value, or several if `many`. `member` is the member of
    the request that it sets, `limits.timeoutSeconds` that of an inner object.
    """

    __slots__ = ("choices", "flags", "help", "kind", "many", "member", "metavar", "name")

    def __init__(
        self,
        flags: str,
        help: str,  # noqa: A002 - it is the help
        metavar: str = "",
        kind: str = "text",
        many: bool = False,
        choices: Sequence[str] = (),
        member: str = "",
    ) -> None:
        self.flags = flags.split()
        self.name = self.flags[-1].lstrip("-").replace("-", "_")
        self.help = help
        self.metavar = metavar
        self.kind = kind
        self.many = many
        self.choices = choices
        self.member = member


class Argument:
    """A positional argument. `count`: 1, `?`, `*`, `+`, or `--` for all words after `--`. `member` is the
    member of the request that it sets.
    """

    __slots__ = ("count", "help", "kind", "member", "metavar", "name")

    def __init__(
        self,
        metavar: str,
        help: str,  # noqa: A002 - it is the help
        count: str = "1",
        kind: str = "text",
        member: str = "",
    ) -> None:
        self.metavar = metavar
        self.name = metavar.lower().replace("/", "_").replace("-", "_")
        self.help = help
        self.count = count
        self.kind = kind
        self.member = member


Part = str | tuple[str, str] | Argument | Option


class Command:
    """A command: its words, its function (`module:function`), and the contents of its help.

    `parts` are its examples, each a command line with an optional explanation, its arguments and its options.
    A command that only calls a method has its name, a sentence about the result, and an optional `next` step.
    """

    __slots__ = (
        *("aliases", "arguments", "examples", "name", "notes", "options", "run", "summary"),
        *("method", "next", "says"),
    )

    def __init__(
        self,
        name: str,
        run: str,
        summary: str,
        *parts: Part,
        notes: str = "",
        aliases: Sequence[str] = (),
        method: str = "",
        says: str = "",
        next: str = "",  # noqa: A002 - it is the next step
    ) -> None:
        self.name = name
        self.run = run
        self.summary = summary
        examples = [part for part in parts if isinstance(part, str | tuple)]
        self.examples = [(one, "") if isinstance(one, str) else one for one in examples]
        self.arguments = [part for part in parts if isinstance(part, Argument)]
        self.options = [part for part in parts if isinstance(part, Option)]
        self.notes = notes
        self.aliases = aliases
        self.method = method
        self.says = says
        self.next = next


class Parsed:
    """A parsed command line: the command, and its values by name."""

    __slots__ = ("command", "values")

    def __init__(self, command: Command | None, values: Values) -> None:
        self.command = command
        self.values = values

    @property
    def method(self) -> str:
        """The method that the command calls."""
        assert self.command is not None
        return self.command.method

    def flag(self, name: str) -> bool:
        """Return whether a flag was given."""
        return bool(self.values.get(name))

    def text(self, name: str) -> str | None:
        """Return the value of an option or argument, or None."""
        value = self.values.get(name)
        return None if value is None else str(value)

    def required(self, name: str) -> str:
        """Return the value of an argument that the grammar guarantees."""
        return str(self.values[name])

    def number(self, name: str) -> float | None:
        """Return a value whose kind is a number, or None."""
        value = self.values.get(name)
        return value if isinstance(value, int | float) else None

    def members(self) -> Values:
        """Return the members of a request that were given as arguments and options."""
        found: Values = {}
        command = self.command
        given: list[Argument | Option] = [*command.arguments, *command.options] if command else []
        for option in given:
            value = self.values.get(option.name)
            if option.member and value is not None:
                if option.kind in {"label", "variable", "amount"}:
                    from lockside.cli.option_values import MEMBERS

                    value = MEMBERS[option.kind](value)
                outer, _, inner = option.member.partition(".")
                if inner:
                    found.setdefault(outer, {})[inner] = value
                else:
                    found[outer] = value
        return found

    def many(self, name: str) -> list[str]:
        """Return all values of a repeated option or argument."""
        return list(self.values.get(name) or ())


def parse(commands: Sequence[Command], globals_: Sequence[Option], argv: Sequence[str]) -> Parsed:
    """Parse a command line; raises UsageError. If it has no command, the result's command is None."""
    words = list(argv)
    values: Values = {}
    command = _find_command(commands, globals_, words, values)
    if command is None:
        return Parsed(None, values)
    _read_words(command, [*command.options, *globals_], words, values)
    return Parsed(command, values)


def _find_command(
    commands: Sequence[Command], globals_: Sequence[Option], words: list[str], values: Values
) -> Command | None:
    """Remove the global options and the command's one or two words from the front of `words`."""
    by_name = {name: command for command in commands for name in (command.name, *command.aliases)}
    while words and words[0].startswith("-"):
        _read_option(globals_, words, values, "")
    if not words:
        return None
    first = words.pop(0)
    if words and f"{first} {words[0]}" in by_name:
        return by_name[f"{first} {words.pop(0)}"]
    if first in by_name:
        return by_name[first]
    if any(name.startswith(first + " ") for name in by_name):
        _read_group(by_name, first, words, values)
        return None
    raise UsageError(f"there is no command '{first}'." + suggestion(first, _first_words(by_name)))


def _read_group(by_name: dict[str, Command], first: str, words: list[str], values: Values) -> None:
    """Handle a group without a valid second word: its help, or an error with the valid words."""
    seconds = [name.split(" ", 1)[1] for name in by_name if name.startswith(first + " ")]
    if not words or words[0] in {"-h", "--help"}:
        values["help"] = first
        return
    listed = ", ".join(seconds)
    hint = suggestion(words[0], seconds) or f" There are: {listed}."
    raise UsageError(f"'{first}' has no command '{words[0]}'.{hint}", first)


def _first_words(by_name: dict[str, Command]) -> list[str]:
    return list(dict.fromkeys(name.split(" ", 1)[0] for name in by_name))


def suggestion(word: str, known: Sequence[str]) -> str:
    """Return ' Did you mean …?' for the most similar known word, or nothing."""
    from difflib import get_close_matches

    near = get_close_matches(word, known, n=1, cutoff=0.6)
    return f" Did you mean '{near[0]}'?" if near else ""


def _read_words(command: Command, options: Sequence[Option], words: list[str], values: Values) -> None:
    positional: list[str] = []
    rest: list[str] | None = None
    while words:
        if words[0] == "--":
            rest = words[1:]
            break
        if _is_option(words[0]):
            _read_option(options, words, values, command.name)
        else:
            positional.append(words.pop(0))
    if values.get("help"):
        return
    _bind(command, positional, rest, values)


def _is_option(word: str) -> bool:
    """Return whether a word is an option; a negative number and a lone dash are arguments."""
    return len(word) > 1 and word[0] == "-" and not word[1:].isdigit()


def _read_option(options: Sequence[Option], words: list[str], values: Values, command: str) -> None:
    word = words.pop(0)
    flag, glued, value = word.partition("=")
    if not word.startswith("--") and len(word) > 2 and not glued:
        flag, value, glued = word[:2], word[2:], "="
    option = _option_named(options, flag, command)
    if not option.metavar:
        if glued and not word.startswith("--"):
            words.insert(0, "-" + value)
        elif glued:
            raise UsageError(f"{flag} takes no value.", command)
        values[option.name] = True
        return
    if not glued:
        if not words:
            raise UsageError(f"{flag} needs a value: {flag} {option.metavar}.", command)
        value = words.pop(0)
    converted = _converted(option.kind, value, flag, command)
    if option.choices and value not in option.choices:
        listed = ", ".join(option.choices)
        hint = suggestion(value, option.choices)
        raise UsageError(f"{flag} is one of {listed}; '{value}' is none of them.{hint}", command)
    if option.many:
        values.setdefault(option.name, []).append(converted)
    else:
        values[option.name] = converted


def _option_named(options: Sequence[Option], flag: str, command: str) -> Option:
    for option in options:
        if flag in option.flags:
            return option
    known = [name for option in options for name in option.flags if name.startswith("--")]
    own = " Options of the command itself follow after --." if command == "run" else ""
    raise UsageError(f"there is no option {flag}." + (suggestion(flag, known) or own), command)


def _bind(command: Command, positional: list[str], rest: list[str] | None, values: Values) -> None:
    """Assign the words to the arguments in order; words after `--` go to the argument that takes them."""
    behind = next((argument for argument in command.arguments if argument.count == "--"), None)
    if behind:
        values[behind.name] = rest
    left = [*positional, *(() if behind else rest or ())]
    for argument in command.arguments:
        if argument.count in {"*", "+"}:
            values[argument.name], left = left, []
        elif argument.count != "--" and left:
            values[argument.name] = _converted(argument.kind, left.pop(0), argument.metavar, command.name)
        if argument.count in {"1", "+"} and values.get(argument.name) in (None, []):
            raise UsageError(f"{argument.metavar} is missing: {argument.help}.", command.name)
    if left:
        own = f"write a command after --: lockside {command.name} -- {' '.join(positional)}"
        reason = own if behind else "this command takes no such argument."
        raise UsageError(f"'{left[0]}' is too much: {reason}", command.name)


def _converted(kind: str, value: str, flag: str, command: str) -> Any:
    if kind == "text":
        return value
    from lockside.cli import option_values as kinds

    try:
        return kinds.KINDS[kind](value)
    except ValueError as error:
        raise UsageError(f"{flag}: {error}", command) from error
