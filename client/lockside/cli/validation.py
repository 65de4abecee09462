"""What can be found in a folder's files without a daemon: names, parameters, variables, programs.

A daemon checks all of it once more, and knows what else is stored.
"""

from __future__ import annotations

import os
from shutil import which
from typing import Any

from lockside.documents.component import COMMAND, Manifest
from lockside.documents.configuration import ConfigSpec, likely
from lockside.documents.parameters import config_faults, processor_faults
from lockside.documents.paths import steps_of
from lockside.documents.reading import stored_form
from lockside.documents.references import WORDS, Names, of_component, of_config
from lockside.documents.variables import defaults_of, names_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lockside.cli.folder import Folder
    from lockside.cli.items import Item

_COMMAND = stored_form(Manifest)(id=COMMAND)


def check_offline(found: Folder) -> None:
    """Add what is wrong to the folder's faults, and what only a daemon can know to its notes."""
    names = _names(found)
    components = {key[0]: item.document() for key, item in _faultless(found, "components")}
    for _, item in _faultless(found, "components"):
        manifest = item.document()
        _check_names(found, item, names, of_component(manifest, "$"))
        _look_for_programs(found, item, manifest)
    for _, item in _faultless(found, "configs"):
        config: ConfigSpec = item.document()
        _check_names(found, item, names, of_config(config, "$"))
        manifest = _COMMAND if config.component == COMMAND else components.get(config.component)
        if manifest is not None:
            faults = config_faults(manifest, config, "$")
            found.faults += [item.fault(steps_of(path), text) for path, text in faults]
        faults = processor_faults(config, components.get, "$")
        found.faults += [item.fault(steps_of(path), text) for path, text in faults]
        _look_for_variables(found, item, config)


def _faultless(found: Folder, kind: str) -> list[tuple[tuple[str, ...], Item]]:
    return [(key, item) for key, item in found.kinds.get(kind, {}).items() if not item.faults]


def _names(found: Folder) -> Names:
    names = Names(pool={"default"})
    names.component |= {key[0] for key in found.kinds.get("components", {})}
    names.pool |= {key[0] for key in found.kinds.get("pools", {})}
    names.variables |= {key[0] for key in found.kinds.get("variables", {})}
    for key, item in found.kinds.get("configs", {}).items():
        rows = item.body.get("rows")
        ids = [row.get("id") for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
        names.add_config("/".join(key), filter(None, ids))
    return names


def _check_names(found: Folder, item: Item, names: Names, references: Any) -> None:
    """Note what is named and not in the folder: a daemon may have it; what looks misspelt is a fault."""
    for one in references:
        if names.has(one):
            continue
        word = WORDS.get(one.kind, one.kind)
        near = likely(one.id, sorted(getattr(names, one.kind)))
        if near:
            text = f"There is no {word} '{one.id}'. Did you mean '{near}'?"
            found.faults.append(item.fault(steps_of(one.path), text))
        else:
            text = f"The {word} '{one.id}' is not in this folder: it must be stored already"
            found.notes.append(item.fault(steps_of(one.path), text))


def _look_for_variables(found: Folder, item: Item, config: ConfigSpec) -> None:
    """Note variables that have no value in the files: whoever runs it has to give one."""
    own = {name: value for name, value in config.configuration.items() if name not in ("variables", "tasks")}
    given = defaults_of(config.content.variables)
    if config.component == COMMAND and not given:
        return  # its texts may have {{ }} of their own
    for name in names_in([own, *(row.configuration for row in config.rows)]):
        if name not in given:
            text = f"{{{{ {name} }}}} has no value by default: give it with --set {name}=VALUE"
            found.notes.append(item.fault(("configuration", "variables"), text))


def _look_for_programs(found: Folder, item: Item, manifest: Manifest) -> None:
    """Note programs that this machine does not have; the daemon's may."""
    field = "command" if manifest.command else "pipeline"
    path = manifest.environment.get("PATH")
    for argv in manifest.stages if manifest.shell is None else ():
        if "{" not in argv[0] and not os.path.isabs(argv[0]) and which(argv[0], path=path) is None:
            found.notes.append(item.fault((field,), f"There is no program '{argv[0]}' on this machine"))
        elif os.path.isabs(argv[0]) and not os.path.exists(argv[0]):
            found.notes.append(item.fault((field,), f"There is no file '{argv[0]}' on this machine"))
