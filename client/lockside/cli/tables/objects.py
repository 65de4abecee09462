"""The commands of stored objects, derived from the table of kinds."""

from __future__ import annotations

from lockside.cli.grammar import Argument, Command, Option
from lockside.cli.tables.shared import BRANCH
from lockside.kinds import COMPONENT, KINDS, POOL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from lockside.kinds import Kind

_FILE = Argument("FILE", "a TOML or JSON file")
_MESSAGE = Option("-m --message", "what changed", "TEXT")
_TYPE = Option("--type", "extractor, transformation, writer, application, processor, other", "TYPE")


def show(kind: Kind) -> Command:
    """Return the command that prints an object, in any version if it has versions."""
    at = (Option("--at", "this version instead of the current one", "VERSION", "integer", member="version"),)
    summary = f"print a {kind.title}"
    return _command(kind, "show", summary, (("{}", ""),), (_name(kind),), at if kind.verbs else ())


def _of(kind: Kind) -> list[Command]:
    """Return the commands of a kind with versions."""
    a, name = f"a {kind.title}", _name(kind)
    old = Argument("FROM", "a version", kind="integer", member="version")
    new = Argument("TO", "the version to compare it with (default: the current one)", "?", "integer", "to")
    back = Argument("TO", "the version", kind="integer", member="version")
    return [
        _ls(kind),
        show(kind),
        _put(kind),
        _command(kind, "rm", f"delete {a}; its versions stay readable", (("{}", ""),), (name,)),
        _command(
            kind,
            "versions",
            f"list the versions of {a}: who changed it, when and why",
            (("{}", ""),),
            (name,),
        ),
        _command(
            kind,
            "diff",
            f"show what differs between two versions of {a}",
            (("{} 3", "version 3 and the current one"), ("{} 3 5", "")),
            (name, old, new),
        ),
        _command(
            kind,
            "rollback",
            f"store an old version of {a} as the newest",
            (("{} 3", "a deleted one comes back"),),
            (name, back),
        ),
        *([_copy(kind)] if "copy" in kind.verbs else []),
    ]


def _copy(kind: Kind) -> Command:
    """Return the command that copies an object within its scope, or to another branch if it has one."""
    to = Argument("TO", f"the {kind.key[-1]} of the copy", member=f"to{kind.key[-1].title()}")
    options = [
        Option("--at", "this version instead of the current one", "VERSION", "integer", member="version")
    ]
    if kind.in_branch:
        options.append(Option("--to-branch", "the branch of the copy (default: the same)", "ID"))
    summary = f"copy a {kind.title}"
    return _command(kind, "copy", summary, (("{} other", ""),), (_name(kind), to), options)


def _ls(kind: Kind) -> Command:
    before = tuple(Argument(name.upper(), f"a {name}'s id", "?") for name in kind.key[:-1])
    one = kind.example.rpartition("/")[0]
    examples = [("", ""), *([(one, f"of one {kind.key[0]}")] if before else [])]
    options = (_TYPE,) if kind is COMPONENT else ()
    return _command(kind, "ls", f"list {kind.titles}", examples, before, options)


def _put(kind: Kind) -> Command:
    """Return the command that stores an object: from a file, a name and a file, or only a name."""
    summary = f"store a {kind.title} from a file"
    if not kind.files:
        file = Argument("FILE", "a TOML or JSON file with its other members", "?")
        return _command(kind, "put", f"create a {kind.title}", (("{}", ""),), (_name(kind), file))
    if len(kind.key) == 1:
        examples = (("{}.toml", "TOML or JSON; its id is the file's name"),)
        return _command(kind, "put", summary, examples, (_FILE,))
    file_name = kind.example.rpartition("/")[2]
    examples = (("{} " + file_name + ".toml", ""),)
    return _command(kind, "put", summary, examples, (_name(kind), _FILE), (_MESSAGE,) if kind.is_flat else ())


def _name(kind: Kind) -> Argument:
    is_id = len(kind.key) == 1 and kind.title == kind.word
    said = f"a {kind.title}'s id" if is_id else f"a {kind.title}"
    return Argument(kind.metavar, said, member=kind.key[-1])


def _command(
    kind: Kind,
    verb: str,
    summary: str,
    examples: Sequence[tuple[str, str]],
    arguments: Sequence[Argument],
    options: Sequence[Option] = (),
) -> Command:
    """Return a command; `{}` in an example stands for the name of an object."""
    one = kind.example
    shown = [(f"lockside {kind.command} {verb} {text.format(one)}".rstrip(), said) for text, said in examples]
    options = (BRANCH, *options) if kind.in_branch else options
    run = f"lockside.cli.catalog.objects:{verb}"
    return Command(f"{kind.command} {verb}", run, summary, *shown, *arguments, *options)


OF_KINDS = tuple(command for kind in KINDS.values() if kind.verbs for command in _of(kind))
POOL_SHOW = show(POOL)
GROUPS_OF_KINDS = {kind.command: kind.about for kind in KINDS.values() if kind.verbs}
