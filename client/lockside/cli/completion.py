"""`completion`: scripts for three shells, and the possible next words by the table and the daemon."""

from __future__ import annotations

from collections.abc import Sequence

from lockside.cli import exits
from lockside.cli.commands import COMMANDS, GLOBAL_OPTIONS, GROUPS, HIDDEN
from lockside.cli.grammar import Command, Option, Parsed, UsageError
from lockside.cli.session import Session

_SCRIPTS = {
    "bash": """\
_lockside() {
    local IFS=$'\\n' word
    COMPREPLY=()
    while IFS=$'\\t' read -r word _; do
        COMPREPLY+=("$word")
    done < <(lockside __complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -o nosort -F _lockside lockside
""",
    "zsh": """\
#compdef lockside
_lockside() {
    local -a found
    local word said
    while IFS=$'\\t' read -r word said; do
        found+=("${word//:/\\\\:}${said:+:$said}")
    done < <(lockside __complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)
    if (( $#found )); then _describe -V lockside found; else _files; fi
}
compdef _lockside lockside
""",
    "fish": """\
function __lockside
    set -l words (commandline -opc) (commandline -ct)
    lockside __complete -- $words[2..-1] 2>/dev/null
end
complete -c lockside -f -a '(__lockside)'
""",
}


def completion(session: Session, parsed: Parsed) -> int:
    shell = parsed.required("shell")
    if shell not in _SCRIPTS:
        raise UsageError(
            f"there is no completion for '{shell}'; bash, zsh and fish are supported.", "completion"
        )
    session.out.verbatim(_SCRIPTS[shell].rstrip("\n"))
    return exits.DONE


def complete(session: Session, parsed: Parsed) -> int:
    words = parsed.many("word") or [""]
    *before, current = words
    for word, said in _candidates(session, before, current):
        if word.startswith(current):
            session.out.line(f"{word}\t{said}" if said else word)
    return exits.DONE


def _candidates(session: Session, before: Sequence[str], current: str) -> list[tuple[str, str]]:
    place = CompletionPoint(before)
    if place.command is None:
        return _command_words(place.plain) if not current.startswith("-") else _flags(GLOBAL_OPTIONS)
    if place.option is not None:
        return values_for(session, place, place.option.metavar, place.option.choices)
    if place.is_behind_dashes:
        return []
    if current.startswith("-"):
        return _flags([*place.command.options, *GLOBAL_OPTIONS])
    return values_for(session, place, place.metavar, ())


class CompletionPoint:
    """The position of the cursor: its command, the option whose value it is at, or its argument."""

    def __init__(self, before: Sequence[str]) -> None:
        self.plain: list[str] = []
        self.values: dict[str, str] = {}
        self.option: Option | None = None
        self.command: Command | None = None
        self.is_behind_dashes = False
        for word in before:
            self._step(word)

    def _step(self, word: str) -> None:
        if self.option is not None:
            self.values[self.option.name] = word
            self.option = None
        elif word == "--" and self.command is not None:
            self.is_behind_dashes = True
        elif word.startswith("-"):
            self.option = self._wants_a_value(word)
        elif not self.is_behind_dashes:
            self.plain.append(word)
            self.command = _command(self.plain)

    def _wants_a_value(self, word: str) -> Option | None:
        known = [*(self.command.options if self.command else ()), *GLOBAL_OPTIONS]
        return next((each for each in known if word in each.flags and each.metavar), None)

    @property
    def arguments(self) -> list[str]:
        """The arguments before the cursor."""
        words = self.command.name.count(" ") + 1 if self.command else 0
        return self.plain[words:]

    @property
    def metavar(self) -> str:
        """The metavar of the argument at the cursor; empty if no argument is expected."""
        wanted = [each for each in (self.command.arguments if self.command else ()) if each.count != "--"]
        count = len(self.arguments)
        if count < len(wanted):
            return wanted[count].metavar
        return wanted[-1].metavar if wanted and wanted[-1].count in {"*", "+"} else ""


def _command(plain: Sequence[str]) -> Command | None:
    for count in (2, 1):
        words = " ".join(plain[:count])
        for command in COMMANDS:
            if len(plain) >= count and words in {command.name, *command.aliases}:
                return command
    return None


def _command_words(plain: Sequence[str]) -> list[tuple[str, str]]:
    if plain:
        group = plain[0] + " "
        return [
            (command.name.removeprefix(group), command.summary)
            for command in COMMANDS
            if command.name.startswith(group)
        ]
    singles = [(each.name, each.summary) for each in COMMANDS if " " not in each.name and each not in HIDDEN]
    return [*singles, *GROUPS.items()]


def _flags(options: Sequence[Option]) -> list[tuple[str, str]]:
    return [(option.flags[-1], option.help) for option in options]


def values_for(
    session: Session, place: CompletionPoint, metavar: str, choices: Sequence[str]
) -> list[tuple[str, str]]:
    """Return the candidates for a metavar: from the grammar, else from the daemon."""
    from lockside.errors import LocksideError

    if choices:
        return [(choice, "") for choice in choices]
    session.link.socket = place.values.get("socket") or session.link.socket
    session.engine.project = place.values.get("project") or session.engine.project
    from lockside.cli import completion_values

    try:
        return completion_values.values_of(session, place, metavar)
    except LocksideError:
        return []  # Completion cannot show an error.
