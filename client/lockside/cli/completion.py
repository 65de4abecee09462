"""`completion`: scripts for three shells, and what could stand next by the table and the live daemon."""

from __future__ import annotations

from lockside.cli import exits
from lockside.cli.commands import COMMANDS, GLOBAL_OPTIONS, GROUPS, HIDDEN
from lockside.cli.grammar import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from lockside.cli.grammar import Command, Option, Parsed
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
_LIVE_JOBS = {"kill", "hold", "release", "pause", "resume", "prio", "wait", "why"}


def completion(session: Session, parsed: Parsed) -> int:
    """Print the script of a shell."""
    shell = parsed.required("shell")
    if shell not in _SCRIPTS:
        raise UsageError(
            f"there is no completion for '{shell}'; there is for bash, zsh and fish.", "completion"
        )
    session.out.line(_SCRIPTS[shell].rstrip("\n"))
    return exits.DONE


def complete(session: Session, parsed: Parsed) -> int:
    """Print what could stand next, one a line, with what it means behind a tab."""
    words = parsed.many("word") or [""]
    *before, current = words
    for word, said in _candidates(session, before, current):
        if word.startswith(current):
            session.out.line(f"{word}\t{said}" if said else word)
    return exits.DONE


def _candidates(session: Session, before: Sequence[str], current: str) -> list[tuple[str, str]]:
    plain = [word for word in before if not word.startswith("-")]
    command = _command(plain)
    if command is None:
        return _command_words(plain) if not current.startswith("-") else _flags(GLOBAL_OPTIONS)
    if current.startswith("-"):
        return _flags([*command.options, *GLOBAL_OPTIONS])
    return _from_daemon(session, command, before)


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


def _from_daemon(session: Session, command: Command, before: Sequence[str]) -> list[tuple[str, str]]:
    """Ask the daemon for ids that fit the command's arguments; names stand beside the ids."""
    from lockside.errors import LocksideError

    wanted = {argument.metavar for argument in command.arguments}
    wanted |= {option.metavar for option in command.options if before and before[-1] in option.flags}
    try:
        return _ids(session, command, wanted)
    except LocksideError:
        return []  # A shell that completes has no place for an error.


def _ids(session: Session, command: Command, wanted: set[str]) -> list[tuple[str, str]]:
    from lockside.cli.jobs import title

    if "JOB" in wanted:
        live = ["created", "waiting", "processing", "terminating"] if command.name in _LIVE_JOBS else None
        found = session.call("job.list", status=live, limit=50)["jobs"]
        return [(str(job["id"]), f"{job['status']}  {title(job)}") for job in found]
    if "COMPONENT/CONFIG" in wanted:
        found = session.call("config.list")["configs"]
        return [(f"{each['component']}/{each['config']}", str(each.get("name") or "")) for each in found]
    if "COMPONENT" in wanted:
        found = session.call("component.list")["components"]
        return [(str(each["id"]), str(each.get("name") or "")) for each in found]
    if "POOL" in wanted:
        return [
            (str(pool["id"]), str(pool.get("description") or ""))
            for pool in session.call("pool.list")["pools"]
        ]
    return []
