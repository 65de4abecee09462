"""The sources of settings: `lockside.toml`, `conf.d/*.toml` beside it, then `LOCKSIDE_SECTION__KEY`. Each
overrides those before it. The daemon and the web server read the same sources, each its own sections.
"""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec

from lockside.documents.base import Document
from lockside.documents.paths import Steps, steps_of
from lockside.documents.reading import Fault, convert, faults_of, value_at
from lockside.documents.source_lines import SourceLines

T = TypeVar("T", bound=msgspec.Struct)

LISTS = frozenset(
    {
        "allow",
        "allow_domains",
        "attempts_seconds",
        "delegates",
        "trust",
        "hosts",
        "keboola_aliases",
        "file_roots",
    }
)
"""Keys, beside those of groups and hosts, with several values, separated by commas in a variable."""


class SettingsError(Exception):
    """Settings are unknown, of the wrong type or out of bounds; the message has a line for each fault."""


class Section(Document, forbid_unknown_fields=True, frozen=True, kw_only=True, rename="lower"):
    """A section of the settings."""


class Files(NamedTuple):
    """The files of settings: the `main` file, which must exist if it `is_named`, and conf.d."""

    main: Path
    is_named: bool = True

    @property
    def present(self) -> list[Path]:
        """The files to read, in order. Raises SettingsError if nobody may look for them."""
        try:
            main = [self.main] if self.is_named or self.main.exists() else []
            return [*main, *sorted((self.main.parent / "conf.d").glob("*.toml"))]
        except OSError as error:
            raise SettingsError(f"{error.filename}: {error.strerror}") from error


def read_settings(
    files: Sequence[Path], environment: Mapping[str, str], kind: type[T], usual: Mapping[str, Any]
) -> T:
    """Read all sources over the defaults in `usual`. Raises SettingsError with all faults."""
    sources = [*map(_read, files), *_of_environment(environment)]
    merged: dict[str, Any] = {}
    _merge(merged, usual)
    for source in sources:
        _merge(merged, source.values)
    try:
        return convert(merged, kind, strict=False)
    except msgspec.ValidationError:
        faults = faults_of(merged, kind, strict=False)
        raise SettingsError("\n".join(_placed(fault, sources) for fault in faults)) from None


class _Source(NamedTuple):
    """A source of values: a file with its text, or an environment variable."""

    name: str
    text: str
    values: dict[str, Any]

    def has(self, steps: Steps) -> bool:
        return value_at(self.values, steps) is not None


def _placed(fault: Fault, sources: Sequence[_Source]) -> str:
    """Return the fault with the source and line of its value, or of the nearest object around it."""
    steps = steps_of(fault.path)
    field = fault.path.removeprefix("$.")
    for depth in range(len(steps), 0, -1):
        for source in reversed(sources):
            if source.has(steps[:depth]):
                line = f":{SourceLines(source.text, is_json=False).line(steps)}" if source.text else ""
                return f"{source.name}{line}: {field}: {fault.message}"
    return f"settings: {field}: {fault.message}"


def _read(path: Path) -> _Source:
    try:
        text = path.read_text("utf-8-sig")
        return _Source(str(path), text, tomllib.loads(text))
    except (OSError, ValueError) as error:  # invalid TOML or UTF-8, or a number with thousands of digits
        reason = error.strerror if isinstance(error, OSError) else error
        raise SettingsError(f"{path}: {reason}") from error
    except RecursionError as error:
        raise SettingsError(f"{path}: it is nested too deep") from error


def _merge(into: dict[str, Any], more: Mapping[str, Any]) -> None:
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = dict(value) if isinstance(value, dict) else value


def variables_in(environment: Mapping[str, str]) -> list[str]:
    """Return the names of the variables that are settings."""
    return sorted(name for name in environment if name.startswith("LOCKSIDE_") and "__" in name)


def _of_environment(environment: Mapping[str, str]) -> Iterator[_Source]:
    for name in variables_in(environment):
        *sections, key = name.removeprefix("LOCKSIDE_").lower().split("__")
        value: Any = environment[name].split(",") if _is_list(key) else environment[name]
        values = {key: value}
        for section in reversed(sections):
            values = {section: values}
        yield _Source(name, "", values)


def _is_list(key: str) -> bool:
    """Return whether a setting has several values."""
    return key.endswith(("_groups", "_hosts")) or key in LISTS
