"""Finds the examples in the handbook and in the README, and runs those of each page as one session.

The word after its fence says what a fenced block is:

    console   commands after `$ ` and their output, which is compared; `...` stands for any lines
    sh        a script that must exit with 0; so must python
    others    are only read

A block whose first line is the comment `# FOLDER/FILE` is written to that file instead.

An HTML comment before a block says what a reader need not see:

    <!-- not run: WHY -->       the block is skipped
    <!-- run: COMMANDS -->      runs before the block
    <!-- wait: running 1 -->    waits for a job; also `ended 1`
"""

import re
import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from transcripts.recording import PROMPT, Terminal, alike

ROOT = Path(__file__).resolve().parents[2]
HANDBOOK = ROOT / "client" / "lockside" / "handbook"
PAGES = {path.stem: path for path in [ROOT / "README.md", *sorted(HANDBOOK.glob("*.md"))]}
COLUMNS = 78
_PART = re.compile(r"^<!-- (.*?) -->\n|^```(\w*)\n((?:# (\S+/\S+)\n)?.*?)^```\n", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Example:
    """A fenced block; `before` holds the hidden steps, `skipped` why it is not run."""

    language: str
    file: str | None
    text: str
    span: tuple[int, int]
    before: list[str] = field(default_factory=list)
    skipped: str = ""


def examples(text: str) -> Iterator[Example]:
    """Return all fenced blocks of a page, in order, with the comments before them."""
    before: list[str] = []
    skipped = ""
    for found in _PART.finditer(text):
        comment, language, body, file = found.groups()
        if comment is None:
            yield Example(language, file, body, found.span(3), before, skipped)
            before, skipped = [], ""
        elif comment.startswith("not run: "):
            skipped = comment.removeprefix("not run: ")
        elif comment.startswith(("run: ", "wait: ")):
            before.append(comment)


def recorded(page: str, at: Terminal) -> str:
    """Run the examples of a page; returns the page with their current output."""
    text = PAGES[page].read_text("utf-8")
    pieces, end = [], 0
    for example in examples(text):
        pieces += [text[end : example.span[0]], _done(example, at)]
        end = example.span[1]
    return "".join([*pieces, text[end:]])


def _done(example: Example, at: Terminal) -> str:
    if example.skipped:
        return example.text
    for step in example.before:
        word, _, rest = step.partition(": ")
        if word == "wait":
            at.until(rest)
        else:
            _succeed(at, rest)
    match example.language:
        case _ if example.file:
            file = at.home / example.file
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(example.text, "utf-8")
        case "console":
            return _session(example.text, at)
        case "sh":
            _succeed(at, f"sh -euc {shlex.quote(example.text)}")
        case "python":
            _succeed(at, f"{sys.executable} -c {shlex.quote(example.text)}")
        case _:
            pass
    return example.text


def _succeed(at: Terminal, command: str) -> None:
    seen = at.type(f"{command}\necho exit code $?")
    assert seen.endswith("exit code 0"), f"{command}\n{seen}"


def _session(text: str, at: Terminal) -> str:
    """Type each command; output that differs from the page only in what always differs is kept."""
    told = []
    for command, shown in _typed(text):
        seen = at.type(command.removeprefix(PROMPT).replace("\n", " "), COLUMNS)
        seen = f"{seen}\n" if seen else ""
        told.append(command + "\n" + (shown if _is_as(shown, seen) else seen))
    return "".join(told)


def _typed(text: str) -> Iterator[tuple[str, str]]:
    for part in re.split(r"^(?=\$ )", text, flags=re.MULTILINE):
        if part:
            command, _, shown = part.partition("\n")
            yield command, shown


def _is_as(shown: str, seen: str) -> bool:
    """Compare, ignoring what differs from run to run and the line breaks that result."""
    pieces = re.split(r"^\.\.\.\n", shown, flags=re.MULTILINE)
    pattern = ".*".join(re.escape(_words(piece)) for piece in pieces)
    return re.fullmatch(pattern, _words(seen), re.DOTALL) is not None


def _words(text: str) -> str:
    return " ".join(alike(text).split())
