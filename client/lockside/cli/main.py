"""The entry point of the command line: parses the words, loads the required module, maps errors to exit
codes.

`exits` lists the codes.
"""

from __future__ import annotations

import os
import sys

from lockside.cli import exits
from lockside.cli.commands import COMMANDS, GLOBAL_OPTIONS
from lockside.cli.grammar import Parsed, UsageError, parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TextIO

    from lockside.cli.session import Session
    from lockside.errors import LocksideError


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code."""
    words = sys.argv[1:] if argv is None else argv
    _open_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        if getattr(stream, "encoding", "utf-8").lower() != "utf-8":
            _replace_signs(stream)
    try:
        parsed = parse(COMMANDS, GLOBAL_OPTIONS, words)
        code = _run(parsed)
        sys.stdout.flush()
    except UsageError as error:
        return _usage_failed(error)
    except KeyboardInterrupt:
        if sys.stderr.isatty():
            _say("")  # the shell's prompt goes on a line of its own, behind "^C" or a question
        return exits.INTERRUPTED
    except OSError as error:
        return _system_failed(error)
    except Exception as error:  # noqa: BLE001 - users of the command line need no traceback
        return _internal_error(error)
    return code


def _replace_signs(stream: TextIO) -> None:
    """Replace characters that the encoding lacks by similar ones instead of raising an error."""
    import codecs

    from lockside.cli.terminal.sanitize import replaced

    codecs.register_error("lockside-signs", replaced)
    stream.reconfigure(errors="lockside-signs")  # type: ignore[attr-defined]


def _open_closed_streams() -> None:
    """Open a file for closed standard streams: otherwise the next opened file would get their descriptor."""
    for fd, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:  # writing to the replacement of stdout fails, as it should
            opened = os.open(os.devnull, os.O_WRONLY if name == "stderr" else os.O_RDONLY)
            setattr(sys, name, os.fdopen(opened, "r" if name == "stdin" else "w", closefd=fd > 2))


def _system_failed(error: OSError) -> int:
    """Report an OSError. Those of input files are handled elsewhere, so it concerns the output."""
    if isinstance(error, FileNotFoundError) and error.filename is None:  # of getcwd
        _say("lockside: The current folder does not exist any more: change to another one.")
        return exits.USAGE
    if error.filename is None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the rest is flushed at exit
    if isinstance(error, BrokenPipeError):
        return exits.BROKEN_PIPE
    where = "The output cannot be written" if error.filename is None else os.fsdecode(error.filename)
    _say(f"lockside: {where}: {error.strerror or error}.")
    return exits.OUTPUT


def _internal_error(error: Exception) -> int:
    if os.environ.get("LOCKSIDE_TRACEBACK"):
        raise error
    _say(
        f"lockside: This is a fault of lockside itself: {type(error).__name__}: {error}\n"
        "  LOCKSIDE_TRACEBACK=1 shows where it is; please report it."
    )
    return exits.INTERNAL


def _say(text: str) -> None:
    from contextlib import suppress

    from lockside.cli.terminal.output import say_aside

    with suppress(OSError):  # stderr may be full, too
        say_aside(text)


def _run(parsed: Parsed) -> int:
    if parsed.values.get("version") is True:  # some commands have their own option --version N
        from lockside import __version__

        sys.stdout.write(f"lockside {__version__}\n")
        return 0
    if parsed.command is None or parsed.flag("help"):
        return _help_for(parsed)
    return _run_command(parsed, parsed.command.run)


def _run_command(parsed: Parsed, where: str) -> int:
    from lockside.cli.session import Session
    from lockside.errors import LocksideError

    with Session(parsed) as session:
        try:
            return _load(where)(session, parsed)
        except LocksideError as error:
            suggested = _suggested(session, parsed, error)
            if not (suggested.path or "").startswith("$"):
                return _refused(suggested)
            from lockside.cli.option_errors import in_typed_words

            return _refused(in_typed_words(parsed, suggested))


def _suggested(session: Session, parsed: Parsed, error: LocksideError) -> LocksideError:
    """Add a suggestion to an error about a component or a configuration that does not exist."""
    target = parsed.text("component_config") or parsed.text("component")
    if not target or error.kind not in {"not_found", "invalid"}:
        return error
    from lockside.cli.lookup import with_suggestion

    component, _, config = target.partition("/")
    return with_suggestion(session, error, component, config or None)


def _load(where: str) -> Callable[[Session, Parsed], int]:
    module, _, name = where.partition(":")
    __import__(module)  # `importlib` would be a further module to load
    function: Callable[[Session, Parsed], int] = getattr(sys.modules[module], name)
    return function


def _help_for(parsed: Parsed) -> int:
    from lockside.cli.help import help_text

    topic = parsed.command.name if parsed.command else parsed.values.get("help")
    sys.stdout.write(help_text(topic if isinstance(topic, str) else ""))
    return 0


def help_(session: Session, parsed: Parsed) -> int:
    from lockside.cli.help import topic_lines
    from lockside.cli.terminal.pager import show

    topic = " ".join(parsed.many("topic"))
    lines = topic_lines(topic, session.out)
    if not lines:
        from lockside.cli.grammar import suggestion
        from lockside.cli.help import topics

        near = suggestion(topic, topics()) or " `lockside help` lists the topics."
        raise UsageError(f"there is no topic '{topic}'.{near}")
    show(session.out, lines)
    return 0


def _usage_failed(error: UsageError) -> int:
    whole = f"lockside {error.command}".strip()
    _say(f"{whole}: {error.message}\nSee `{whole} --help`.")
    return exits.USAGE


def _refused(error: LocksideError) -> int:
    """Print an error and the next step to stderr, and return its exit code."""
    from lockside.documents.sentences import ended
    from lockside.errors import InvalidParams, NotReachable, TimedOut, Unavailable

    field = (error.path or "").removeprefix("$.")
    is_vague = isinstance(error, InvalidParams) and field and field not in error.message
    where = f" (at {field})" if is_vague else ""
    _say(f"lockside: {ended(error.message + where)}")
    if error.remedy:
        _say(f"  {error.remedy}")
    match error:
        case NotReachable() | Unavailable():
            return exits.NOT_REACHABLE
        case TimedOut():
            return exits.TIMED_OUT
        case InvalidParams():
            return exits.USAGE
        case _:
            return exits.FAILED


if __name__ == "__main__":
    sys.exit(main())
