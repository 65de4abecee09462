"""`schema`: the JSON Schema of a file, for editors and other programs."""

from __future__ import annotations

from lockside.cli import exits
from lockside.cli.grammar import Parsed, UsageError, suggestion
from lockside.cli.session import Session


def schema(session: Session, parsed: Parsed) -> int:
    """Print the schema of one file, or write all schemas to a folder."""
    from lockside.cli.catalog.new import write_schemas
    from lockside.cli.files.file_schema import file_schema, names

    name, folder = parsed.text("file"), parsed.text("write")
    if folder:
        write_schemas(folder)
        return exits.DONE
    if name is None:
        for each in names():
            session.out.line(each)
        return exits.DONE
    if name not in names():
        near = suggestion(name, names()) or f" There are: {', '.join(names())}."
        raise UsageError(f"there is no file '{name}'.{near}", "schema")
    session.out.json(file_schema(name))
    return exits.DONE
