"""The placeholders in the arguments of a component: parameters, and the paths of files.

    {{ name }}          the parameter of that name, in any argument of `command` and `pipeline`; {{ a.b }} is
                        `b` in the object `a`; objects and lists are filled in as JSON
    {datadir}           the data folder, ending in /
    {state}             the file with the state; a whole argument, or the part after its `=`
    {parameters}        a file with only the parameters, as JSON
    {parameters.name}   a file with only the parameter of that name

The program, the first word of a command, has no placeholders, and neither does a text for a shell.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from lockside.documents.component import Manifest, Program
from lockside.documents.variables import PLACE, text_of

DATA_FOLDER = "{datadir}"
_FILE = re.compile(r"(?P<before>|.*=)\{(?:(?P<state>state)|parameters(?:\.(?P<name>[A-Za-z0-9_-]+))?)\}")
_STATE = "in/state.json"
_MISSING = object()


def needed_parameters(manifest: Program) -> list[str]:
    """Return the names of all parameters in the arguments, without duplicates, in order."""
    found: dict[str, None] = {}
    for word in _words(manifest.stages if manifest.shell is None else ()):
        found.update(dict.fromkeys(PLACE.findall(word)))
        file = _FILE.fullmatch(word)
        if file and file["name"]:
            found[file["name"]] = None
    return list(found)


def without_value(manifest: Program, parameters: Mapping[str, Any]) -> list[str]:
    """Return the names of parameters in the arguments that have no value."""
    return [name for name in needed_parameters(manifest) if _value(parameters, name) in (None, _MISSING)]


def with_parameters(manifest: Manifest, parameters: Mapping[str, Any]) -> Manifest:
    """Return the manifest with parameters filled in; placeholders without a value are left."""
    if not needed_parameters(manifest):
        return manifest
    command, pipeline = manifest.command, manifest.pipeline
    return replace(
        manifest,
        command=None if command is None else _filled(command, parameters),
        pipeline=None if pipeline is None else [_filled(argv, parameters) for argv in pipeline],
    )


def parameter_files(manifest: Program, parameters: Mapping[str, Any]) -> dict[str, str]:
    """Return the contents of the files for `{parameters}`, by their names in `in/`."""
    files = {}
    for word in _words(manifest.stages if manifest.shell is None else ()):
        found = _FILE.fullmatch(word)
        if found and not found["state"]:
            name = found["name"]
            content = parameters if name is None else _value(parameters, name)
            files[_file_name(name)] = json.dumps(content, ensure_ascii=False, indent=2)
    return files


def with_paths(word: str, data_folder: str) -> str:
    """Return an argument with the paths filled in; the folder's path ends in /."""
    found = _FILE.fullmatch(word)
    if found:
        path = _STATE if found["state"] else f"in/{_file_name(found['name'])}"
        word = f"{found['before']}{data_folder}{path}"
    return word.replace(DATA_FOLDER, data_folder)


def _file_name(name: str | None) -> str:
    return "parameters.json" if name is None else f"parameters.{name}.json"


def _words(stages: Iterable[Sequence[str]]) -> Iterator[str]:
    for argv in stages:
        yield from argv[1:]


def _filled(argv: Sequence[str], parameters: Mapping[str, Any]) -> list[str]:
    def text(found: re.Match[str]) -> str:
        value = _value(parameters, found[1])
        return found[0] if value in (None, _MISSING) else _text(value)

    return [argv[0], *(PLACE.sub(text, word) for word in argv[1:])]


def _text(value: Any) -> str:
    return text_of(value) if isinstance(value, str | int | float) else json.dumps(value, ensure_ascii=False)


def _value(parameters: Mapping[str, Any], name: str) -> Any:
    """Find a parameter by its whole name, or else by its dotted path."""
    if name in parameters:
        return parameters[name]
    found: Any = parameters
    for step in name.split("."):
        found = found.get(step, _MISSING) if isinstance(found, Mapping) else _MISSING
    return found
