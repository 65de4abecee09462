"""What a step executes: argv lists, never split by a shell, or one text for a shell."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from locksided.core.errors import Invalid
from locksided.runner.fields import Fields, as_list, as_text, as_texts, join

FORMS = ("command", "pipeline", "shell")
_DATADIR = "{datadir}"
_MAX_STAGES = 100


@dataclass(frozen=True, slots=True)
class Program:
    """The argv of each stage of a pipe; a single program is a pipeline of one."""

    stages: tuple[tuple[str, ...], ...]

    def with_datadir(self, datadir: str) -> "Program":
        """The program with `{datadir}` filled in every argument."""
        return Program(
            tuple(tuple(word.replace(_DATADIR, datadir) for word in stage) for stage in self.stages)
        )

    def to_wire(self) -> list[list[str]]:
        """The stages as plain lists."""
        return [list(stage) for stage in self.stages]


def given_forms(values: Mapping[str, Any]) -> list[str]:
    """Which of command, pipeline and shell an object names."""
    return [form for form in FORMS if values.get(form) is not None]


def parse_program(fields: Fields) -> Program:
    """The program of a manifest or of a command's parameters. Raises `Invalid`."""
    match given_forms(fields.values):
        case ["command"]:
            return Program((_argv(fields.get("command"), fields.at("command")),))
        case ["pipeline"]:
            return _pipeline(fields.get("pipeline"), fields.at("pipeline"))
        case ["shell"]:
            text = _word(fields.get("shell"), fields.at("shell"))
            if not text.strip():
                raise Invalid(f"{fields.at('shell')} is empty.", path=fields.at("shell"))
            return Program((("/bin/sh", "-c", text),))
        case []:
            at = fields.at("command")
            raise Invalid(f"{at} is missing: name a command, a pipeline or a shell text.", path=at)
        case [_, second, *_]:
            at = fields.at(second)
            raise Invalid(f"{at}: give only one of command, pipeline and shell.", path=at)
        case _:
            raise AssertionError


def _pipeline(value: object, path: str) -> Program:
    stages = as_list(value, path)
    if not 1 <= len(stages) <= _MAX_STAGES:
        raise Invalid(f"{path} must have 1 to {_MAX_STAGES} commands.", path=path)
    return Program(tuple(_argv(stage, join(path, index)) for index, stage in enumerate(stages)))


def _argv(value: object, path: str) -> tuple[str, ...]:
    words = as_texts(value, path)
    if not words or not words[0]:
        raise Invalid(f"{path} names no program.", path=path)
    return tuple(_word(word, join(path, index)) for index, word in enumerate(words))


def _word(value: object, path: str) -> str:
    text = as_text(value, path)
    if "\0" in text:
        raise Invalid(f"{path} has a NUL character; no argument can.", path=path)
    return text


def parse_environment(fields: Fields) -> dict[str, str]:
    """The variables of an environment, names and values checked. Raises `Invalid`."""
    environment = {}
    for name, value in fields.values.items():
        at = fields.at(name)
        if not name or "=" in name or "\0" in name:
            raise Invalid(f"{at}: no environment variable can have that name.", path=at)
        environment[name] = _word(value, at)
    return environment


def parse_cwd(fields: Fields) -> str | None:
    """The working directory: absolute, or beginning with `{datadir}`. Raises `Invalid`."""
    value = fields.get("cwd")
    if value is None:
        return None
    cwd = _word(value, fields.at("cwd"))
    if not cwd.startswith(("/", _DATADIR)):
        raise Invalid(f"{fields.at('cwd')} must be an absolute path.", path=fields.at("cwd"))
    return cwd
