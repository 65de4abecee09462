"""`validate`: checks a folder's files without a daemon: names, parameters, variables, programs. The daemon
checks everything again, together with other stored objects.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pwd import getpwnam
from shlex import shlex
from shutil import which
from typing import Any

from msgspec import ValidationError

from lockside.cli import exits
from lockside.cli.files.faults import FileFault
from lockside.cli.files.folder import Folder, read_folder
from lockside.cli.files.object_file import ObjectFile
from lockside.cli.grammar import Parsed
from lockside.cli.session import Session
from lockside.documents.component import COMMAND, ORCHESTRATOR, Manifest, Program
from lockside.documents.configuration import ConfigSpec
from lockside.documents.paths import Steps, steps_of
from lockside.documents.reading import convert, stored_form
from lockside.documents.references import Names, title
from lockside.documents.unknown_keys import likely
from lockside.documents.variables import defaults_of, names_in
from lockside.kinds import COMPONENT, CONFIG, POOL, Kind, with_files

Json = dict[str, Any]

_COMMAND = stored_form(Manifest)(id=COMMAND)


def validate(session: Session, parsed: Parsed) -> int:
    path = parsed.required("dir")
    found = read_folder(path)
    check_offline(found)
    if session.out.is_given(faults_json(found)):
        return exits.USAGE if found.faults else exits.DONE
    print_notes(session, found)
    if not found.faults:
        session.out.line(f"{path} is fine: {_count(found)}")
    return print_faults(session, found.faults)


def faults_json(found: Folder) -> Json:
    """Return the faults and warnings of a folder as JSON."""
    return {
        "faults": [fault.as_json() for fault in found.faults],
        "warnings": [note.as_json() for note in found.notes],
    }


def print_faults(session: Session, faults: list[FileFault]) -> int:
    """Print faults, and return the exit code."""
    for fault in faults:
        session.say_aside(str(fault))
    return exits.USAGE if faults else exits.DONE


def print_notes(session: Session, found: Folder) -> None:
    """Print the warnings of a folder."""
    for note in found.notes:
        session.say_aside(f"warning: {note}")


def _count(found: Folder) -> str:
    listed = [
        f"{len(items)} {kind.title if len(items) == 1 else kind.titles}"
        for kind in with_files()
        if (items := found.kinds.get(kind.plural))
    ]
    return ", ".join(listed) or "empty"


def check_offline(found: Folder) -> None:
    """Add faults to the folder's faults, and what only a daemon can check to its notes."""
    names = _names(found)
    components = {key[0]: item.document() for key, item in _faultless(found, COMPONENT)} | {COMMAND: _COMMAND}
    for kind in with_files():
        for _, item in _faultless(found, kind):
            document = item.document()
            _check_names(found, item, names, kind.references(document, "$"))
            faults = kind.faults(document, components.get, "$")
            found.faults += [item.fault(steps_of(path), text) for path, text in faults]
            if kind is COMPONENT:
                _look_for_programs(found, item, document)
            elif kind is CONFIG:
                _look_for_variables(found, item, document)
                _look_for_program_of(found, item, document)
    _look_for_circles(found)


def _look_for_circles(found: Folder) -> None:
    """Report the tasks by which an orchestration contains itself."""
    contents = {
        key[1]: (item, list(_contained(item.document())))
        for key, item in _faultless(found, CONFIG)
        if key[0] == ORCHESTRATOR
    }
    for name, (item, tasks) in contents.items():
        for place, inner in tasks:
            way = _path_between(contents, inner, name)
            if way:
                text = f"Orchestration {name} contains itself: {' -> '.join((name, *way))}"
                found.faults.append(item.fault(("configuration", "tasks", place, "task", "config"), text))


def _contained(config: ConfigSpec) -> Iterator[tuple[int, str]]:
    for place, task in enumerate(config.content.tasks):
        if task.task.component == ORCHESTRATOR and task.task.config and not task.task.config_data:
            yield place, task.task.config


def _path_between(
    contents: Mapping[str, tuple[ObjectFile, list[tuple[int, str]]]], start: str, end: str
) -> list[str]:
    """Return the path from one orchestration to another that it contains; empty if there is none."""
    left, seen = [[start]], {start}
    while left:
        way = left.pop()
        if way[-1] == end:
            return way
        inner = [name for _, name in contents[way[-1]][1]] if way[-1] in contents else []
        left += [[*way, name] for name in inner if name not in seen]
        seen.update(inner)
    return []


def _faultless(found: Folder, kind: Kind) -> list[tuple[tuple[str, ...], ObjectFile]]:
    return [(key, item) for key, item in found.kinds.get(kind.plural, {}).items() if not item.faults]


def _names(found: Folder) -> Names:
    names = Names()
    names.add(POOL.word, "default")
    for kind in with_files():
        for key, item in found.kinds.get(kind.plural, {}).items():
            names.add(kind.word, "/".join(key), item.body)
    return names


def _check_names(found: Folder, item: ObjectFile, names: Names, references: Any) -> None:
    """Note references that are not in the folder, which a daemon may have; likely misspellings are faults."""
    for one in references:
        if names.has(one):
            continue
        word = title(one.kind)
        near = likely(one.id, names.of(one.kind))
        if near:
            text = f"There is no {word} '{one.id}'. Did you mean '{near}'?"
            found.faults.append(item.fault(steps_of(one.path), text))
        else:
            text = f"The {word} '{one.id}' is not in this folder: it must be stored already"
            found.notes.append(item.fault(steps_of(one.path), text))


def _look_for_variables(found: Folder, item: ObjectFile, config: ConfigSpec) -> None:
    """Note variables without a value in the files: it must be given with each run."""
    own = {name: value for name, value in config.configuration.items() if name not in ("variables", "tasks")}
    given = defaults_of(config.content.variables)
    if config.component == COMMAND and not given:
        return  # its texts may contain other {{ }}
    for name in names_in([own, *(row.configuration for row in config.rows)]):
        if name not in given:
            text = f"{{{{ {name} }}}} has no value by default: give it with --set {name}=VALUE"
            found.notes.append(item.fault(("configuration", "variables"), text))


def _look_for_programs(found: Folder, item: ObjectFile, manifest: Manifest) -> None:
    """Note programs, folders and users that do not exist on this machine; the daemon's may have them."""
    _look_at_program(found, item, manifest, ())
    if manifest.user is not None and not _is_user(manifest.user):
        found.notes.append(item.fault(("user",), f"There is no user '{manifest.user}' on this machine"))


def _look_for_program_of(found: Folder, item: ObjectFile, config: ConfigSpec) -> None:
    """The same for the command of a configuration of `lockside.command`, or of each of its rows."""
    if config.component != COMMAND:
        return
    bodies: list[tuple[Steps, Any]] = [(("configuration", "parameters"), config.content.parameters)]
    for place, row in enumerate(config.rows):
        bodies.append((("rows", place, "configuration", "parameters"), row.content.parameters))
    for at, body in bodies:
        with suppress(ValidationError):  # A row may be incomplete; the whole is checked elsewhere.
            _look_at_program(found, item, convert(body, Program), at)


def _look_at_program(found: Folder, item: ObjectFile, program: Program, at: Steps) -> None:
    form = "command" if program.command else "pipeline" if program.pipeline else "shellProgram"
    path = program.environment.get("PATH")
    for argv in program.stages:
        name = argv[0]
        if "{" not in name and not os.path.isabs(name) and which(name, path=path) is None:
            found.notes.append(item.fault((*at, form), f"There is no program '{name}' on this machine"))
        elif os.path.isabs(name) and not os.path.exists(name):
            found.notes.append(item.fault((*at, form), f"There is no file '{name}' on this machine"))
    if program.cwd and "{" not in program.cwd and not os.path.isdir(program.cwd):
        found.notes.append(item.fault((*at, "cwd"), f"There is no folder '{program.cwd}' on this machine"))
    if program.shell_program is None and _has_pipe(program.shell or ""):
        text = (
            "Of a pipe in `shell` only the exit code of the last command counts: use `pipeline`, or "
            'shellProgram = ["bash", "-euo", "pipefail", "-c"]'
        )
        found.notes.append(item.fault((*at, "shell"), text))


def _is_user(name: str) -> bool:
    try:
        getpwnam(name)
    except KeyError:
        return False
    return True


def _has_pipe(text: str) -> bool:
    """Return whether a text for a shell joins commands by a pipe, as far as it can be parsed."""
    words = shlex(text, posix=False, punctuation_chars=True)
    words.whitespace_split = True
    with suppress(ValueError):  # An unclosed quote: the shell will report it.
        return any(word in {"|", "|&"} for word in words)
    return False
