"""Finds in a program's output the line that best explains its failure. Pure.

It knows the stack traces of common languages and guesses nothing else about a program: without a trace and
without a word of failure the last line is used.
"""

import re
from collections.abc import Callable, Iterable, Sequence

_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # colours, cursor movements
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"  # titles, links
    r"|\x1b[ -/]*[0-~]"
    r"|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]"
)
_PYTHON_FRAME = re.compile(r'[\s|+-]*(?=File ".+", line \d+)')
_TREE = "|+- \t"
_FRAME = re.compile(r"\s+at .*(?:\(.*\)|:\d+|<anonymous>|:line \d+)( \{)?$")
_OF_TRACE = re.compile(r"\s*(?:Caused by: |Suppressed: |\.\.\. \d+ (?:more|common frames))")
_CAUSE = re.compile(r"\s*Caused by: (.+)")
_EXCEPTION = re.compile(r"(?:^|[\s\[(.])(?:[\w$]+[.:])*[\w$]*(?:Error|Exception|Throwable)\b", re.ASCII)
_LONGEST_MESSAGE_LINES = 30
_RUST_PANIC = re.compile(r"thread '.*'.* panicked at ")
_RUST_ERROR = re.compile(r"Error: ")
_RUST_CAUSES = re.compile(r"Caused by:$|Stack backtrace:$")
_GO_PANIC = re.compile(r"\s*(?:panic|fatal error): ")
_GO_ROUTINE = re.compile(r"goroutine \d+ .*\[")
_FAILURE = re.compile(r"(?<!std)(?:error|fatal|exception|failed|panic)", re.IGNORECASE)
_COUNT = re.compile(
    r"\b(?:\d+|no) (?:errors?|failed|failures?|exceptions?)\b|\b(?:errors?|failed|failures?)\s*[=:]\s*\d+\b"
    r"|^g?make(?:\[\d+\])?: \*\*\* .* Error \d+$",
    re.IGNORECASE,
)
_WORDS = re.compile(r"\w")

Lines = Sequence[str]


def readable(output: str) -> str:
    """Return the output as a terminal would show it: without escape codes or text that `\\r` overwrote."""
    lines = (_overwritten(line) for line in _ESCAPES.sub("", output).split("\n"))
    return "\n".join(line.rstrip() for line in lines).strip("\n")


def _overwritten(line: str) -> str:
    return line.rstrip("\r").rpartition("\r")[2]


def telling_line(output: str) -> str:
    """Return the most informative line of readable output; empty if there is none.

    This is the line of a trace's exception, else the last with a word of failure, else the last.
    """
    lines = output.split("\n")
    for of_trace in _TRACES:
        found = of_trace(lines)
        if found:
            return found
    return _last_failure(lines) or _last(line for line in lines if _WORDS.search(line)) or output.strip()


def _python(lines: Lines) -> str:
    """Return the first line after the last frame that is indented less than it."""
    at, frame = _last_match(_PYTHON_FRAME, lines)
    if frame is None:
        return ""
    for place in range(at + 1, len(lines)):
        content = lines[place].lstrip(_TREE)
        if content and len(lines[place]) - len(content) < frame.end():
            return _with_next(lines, place).lstrip(_TREE)
    return ""


def _rust(lines: Lines) -> str:
    at, panic = _last_match(_RUST_PANIC, lines)
    if panic is not None:
        return _with_next(lines, at)
    if not any(map(_RUST_CAUSES.match, lines)):
        return ""
    at, error = _last_match(_RUST_ERROR, lines)
    return "" if error is None else lines[at]


def _go(lines: Lines) -> str:
    ends = next((at for at, line in enumerate(lines) if _GO_ROUTINE.match(line)), 0)
    at, panic = _last_match(_GO_PANIC, lines[:ends])
    return "" if panic is None else lines[at].strip()


def _frames(lines: Lines) -> str:
    """Return the line that precedes a trace of `at` lines, as written by Java, Node and .NET."""
    at, frame = _last_match(_FRAME, lines)
    if frame is None:
        return ""
    while at >= 0 and (_FRAME.match(lines[at]) or _OF_TRACE.match(lines[at])):
        at -= 1
    if at < 0 or not lines[at].strip() or lines[at].startswith("… "):
        return _last(match[1] for line in lines if (match := _CAUSE.match(line)))
    for place in range(at, max(at - _LONGEST_MESSAGE_LINES, -1), -1):
        if not lines[place].strip():
            break
        if _EXCEPTION.search(lines[place]):
            return _with_next(lines, place).strip()
    return lines[at].strip()


_TRACES: tuple[Callable[[Lines], str], ...] = (_python, _rust, _go, _frames)


def _last_failure(lines: Lines) -> str:
    """Return the last line with a word of failure; one that only counts failures if there is no other."""
    found = [place for place, line in enumerate(lines) if _FAILURE.search(line)]
    telling = [place for place in found if _FAILURE.search(_COUNT.sub("", lines[place]))]
    return _with_next(lines, (telling or found)[-1]).strip() if found else ""


def _with_next(lines: Lines, at: int) -> str:
    """Return a line; with the next one if it ends with a colon."""
    line = lines[at].rstrip()
    following = lines[at + 1].strip(_TREE) if at + 1 < len(lines) else ""
    return f"{line} {following}" if line.endswith(":") and following else line


def _last_match(pattern: re.Pattern[str], lines: Lines) -> tuple[int, re.Match[str] | None]:
    for at in range(len(lines) - 1, -1, -1):
        match = pattern.match(lines[at])
        if match is not None:
            return at, match
    return -1, None


def _last(lines: Iterable[str]) -> str:
    return next(reversed([line.strip() for line in lines]), "")
