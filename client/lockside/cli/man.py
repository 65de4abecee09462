"""`man`: manual pages for `man lockside`, with the texts of `help`."""

from __future__ import annotations

import os
from collections.abc import Iterator

from lockside.cli import handbook, reference
from lockside.cli.commands import COMMANDS, GLOBAL_OPTIONS, HIDDEN, SECTIONS
from lockside.cli.grammar import Command, Parsed
from lockside.cli.help import option_row, usage
from lockside.cli.session import Session
from lockside.cli.terminal.roff import Page


def man(session: Session, parsed: Parsed) -> int:
    """Write all pages to a folder that `man` searches."""
    data = os.environ.get("XDG_DATA_HOME") or os.path.join(os.path.expanduser("~"), ".local", "share")
    folder = parsed.text("dir") or os.path.join(data, "man")
    count = 0
    for name, section, text in pages():
        file = os.path.join(folder, f"man{section}", f"{name}.{section}")
        os.makedirs(os.path.dirname(file), exist_ok=True)
        with open(file, "w", encoding="utf-8") as made:
            made.write(text)
        count += 1
    told = {"folder": folder, "pages": count}
    return session.out.result(told, f"{count} pages are in {folder}", "Next: man lockside")


def pages() -> Iterator[tuple[str, int, str]]:
    """Yield every page: its name, its section and its text."""
    yield "lockside", 1, str(_overview())
    for command in COMMANDS:
        if command not in HIDDEN:
            yield f"lockside-{command.name.replace(' ', '-')}", 1, str(_of_command(command))
    for topic in handbook.topics():
        yield f"lockside-{topic}", 7, str(_of_topic(f"lockside-{topic}", 7, handbook.page(topic)))
    yield "locksided", 8, str(_of_topic("locksided", 8, handbook.page("operating")))
    for word in (*reference.documents(), "methods", "environment", "events"):
        name, text = f"lockside-{word}", reference.reference(f"fields {word}")
        yield name, 5, str(_of_topic(name, 5, text, f"reference of lockside: {word}"))
    yield "lockside.toml", 5, str(_of_topic("lockside.toml", 5, reference.reference("settings")))


def _page(name: str, section: int, summary: str) -> Page:
    from lockside import __version__

    return Page(name, section, summary, __version__)


def _overview() -> Page:
    page = _page("lockside", 1, "a durable job daemon for data pipelines")
    page.heading("Synopsis")
    page.code(["lockside [OPTIONS] COMMAND [ARGUMENTS]"])
    for title, family in SECTIONS:
        page.heading(title)
        page.definitions(
            (f"lockside-{command.name.replace(' ', '-')}(1)", command.summary) for command in family
        )
    page.heading("Options of every command")
    page.definitions(map(option_row, GLOBAL_OPTIONS))
    page.heading("See also")
    topics = ", ".join(f"lockside-{topic}(7)" for topic in handbook.topics())
    page.text(f"locksided(8), lockside.toml(5), lockside-environment(5), {topics}")
    return page


def _of_command(command: Command) -> Page:
    page = _page(f"lockside-{command.name.replace(' ', '-')}", 1, command.summary)
    page.heading("Synopsis")
    page.code(line.removeprefix("usage:").strip() for line in usage(command))
    page.heading("Examples")
    page.definitions(command.examples)
    if command.arguments:
        page.heading("Arguments")
        page.definitions((each.metavar, each.help) for each in command.arguments)
    page.heading("Options")
    page.definitions((flags.strip(), said) for flags, said in map(option_row, command.options))
    page.text("The options of every command are in lockside(1).")
    if command.notes:
        page.heading("Notes")
        for paragraph in command.notes.split("\n\n"):
            page.text(paragraph.replace("\n", " "))
    return page


def _of_topic(name: str, section: int, text: str, summary: str = "") -> Page:
    page = _page(name, section, summary or text.partition("\n")[0].removeprefix("# "))
    page.heading("Description")
    page.markdown(text)
    return page
