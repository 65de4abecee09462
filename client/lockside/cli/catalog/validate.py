"""`validate`: what can be found in a folder's files without a daemon: names, parameters, variables, programs.

A daemon checks all of it once more, and knows what else is stored.
"""

from __future__ import annotations

import os
from shutil import which
from typing import Any

from lockside.cli import exits
from lockside.cli.files.folder import read_folder
from lockside.documents.component import COMMAND, Manifest
from lockside.documents.configuration import ConfigSpec, likely
from lockside.documents.paths import steps_of
from lockside.documents.reading import stored_form
from lockside.documents.references import Names, title
from lockside.documents.variables import defaults_of, names_in
from lockside.kinds import COMPONENT, CONFIG, POOL, with_files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lockside.cli.files.faults import FileFault
    from lockside.cli.files.folder import Folder
    from lockside.cli.files.object_file import ObjectFile
    from lockside.cli.grammar import Parsed
    from lockside.cli.session import Session
    from lockside.kinds import Kind

Json = dict[str, Any]

_COMMAND = stored_form(Manifest)(id=COMMAND)


def validate(session: Session, parsed: Parsed) -> int:
    """Check a folder without a daemon."""
    path = parsed.required("dir")
    found = read_folder(path)
    check_offline(found)
    if session.out.as_json:
        session.out.json(faults_json(found))
        return exits.USAGE if found.faults else exits.DONE
    print_notes(session, found)
    if not found.faults:
        session.out.line(f"{path} is fine: {_count(found)}")
    return print_faults(session, found.faults)


def faults_json(found: Folder) -> Json:
    """Give what is wrong or odd in a folder to programs."""
    return {
        "faults": [fault.as_json() for fault in found.faults],
        "warnings": [note.as_json() for note in found.notes],
    }


def print_faults(session: Session, faults: list[FileFault]) -> int:
    """Print faults, and give the exit code."""
    for fault in faults:
        session.say_aside(str(fault))
    return exits.USAGE if faults else exits.DONE


def print_notes(session: Session, found: Folder) -> None:
    """Print what is odd in a folder."""
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
    """Add what is wrong to the folder's faults, and what only a daemon can know to its notes."""
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
    """Note what is named and not in the folder: a daemon may have it; what looks misspelt is a fault."""
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
    """Note variables that have no value in the files: whoever runs it has to give one."""
    own = {name: value for name, value in config.configuration.items() if name not in ("variables", "tasks")}
    given = defaults_of(config.content.variables)
    if config.component == COMMAND and not given:
        return  # its texts may have {{ }} of their own
    for name in names_in([own, *(row.configuration for row in config.rows)]):
        if name not in given:
            text = f"{{{{ {name} }}}} has no value by default: give it with --set {name}=VALUE"
            found.notes.append(item.fault(("configuration", "variables"), text))


def _look_for_programs(found: Folder, item: ObjectFile, manifest: Manifest) -> None:
    """Note programs that this machine does not have; the daemon's may."""
    field = "command" if manifest.command else "pipeline"
    path = manifest.environment.get("PATH")
    for argv in manifest.stages if manifest.shell is None else ():
        if "{" not in argv[0] and not os.path.isabs(argv[0]) and which(argv[0], path=path) is None:
            found.notes.append(item.fault((field,), f"There is no program '{argv[0]}' on this machine"))
        elif os.path.isabs(argv[0]) and not os.path.exists(argv[0]):
            found.notes.append(item.fault((field,), f"There is no file '{argv[0]}' on this machine"))
