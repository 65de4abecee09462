"""The methods that create tables, load them and export them."""

from typing import TYPE_CHECKING, Any, Literal

from msgspec import NODEFAULT, defstruct, field
from msgspec.structs import fields

from lockside.documents.base import BranchId, FieldError, SystemId, camel
from lockside.documents.storage import InputTable, OutputTable, TableId
from lockside.documents.storage_jobs import DataPath, SystemPath, check_path
from lockside.documents.table import TableSpec
from lockside.protocol.declaration import Mutation, method
from lockside.protocol.errors import ErrorKind
from lockside.protocol.methods.jobs import JobFields
from lockside.protocol.methods.storage import TableVersionNumber
from lockside.protocol.types.jobs import Job
from lockside.protocol.types.storage import Table, TableDeleted
from lockside.protocol.words import Role

CHANGING = [ErrorKind.NOT_FOUND, ErrorKind.DISABLED, ErrorKind.CONFLICT]


@method(
    "storage.table.put",
    Role.OPERATOR,
    answers=Table,
    refuses=[*CHANGING, ErrorKind.TIMEOUT],
    example={"table": {"id": "in.c-shop.orders", "columns": [{"name": "id"}], "primaryKey": ["id"]}},
)
class TablePut(Mutation, frozen=True, kw_only=True):
    """Create an empty table; if it exists, only its texts and metadata are changed.

    Attributes:
        table: The whole table.
    """

    table: TableSpec
    branch_id: BranchId = "default"


@method(
    "storage.table.delete",
    Role.OPERATOR,
    answers=TableDeleted,
    refuses=[*CHANGING, ErrorKind.TIMEOUT],
    example={"id": "in.c-shop.orders"},
)
class TableDelete(Mutation, frozen=True, kw_only=True):
    """Move a table to the trash, from which it is removed after `[storage] trash_days`.

    Attributes:
        id: The table's id.
    """

    id: TableId
    branch_id: BranchId = "default"


class ByHand(Mutation, frozen=True, kw_only=True):
    """Rows that a job loads or exports; the result is that job."""

    id: TableId
    branch_id: BranchId = "default"
    fields: JobFields | None = None

    def check(self) -> None:
        """Raises FieldError as the mapping of a configuration does, with the names of the wire."""
        form: Any
        for form in self.same_as:
            try:
                form.check(self)
            except FieldError as problem:
                raise FieldError(problem.message, camel(problem.field)) from None


if TYPE_CHECKING:

    def taking(form: type, *but: str) -> type[ByHand]: ...

    class Loading(ByHand, frozen=True, kw_only=True): ...

    class Reading(ByHand, frozen=True, kw_only=True):
        version: int | None

else:

    def taking(form, *but):
        """Return a type of parameters with the members of a mapping, except these."""
        members = [
            (
                one.name,
                one.type,
                field(default_factory=one.default_factory) if one.default is NODEFAULT else one.default,
            )
            for one in fields(form)
            if one.name not in but
        ]
        options = {"frozen": True, "kw_only": True, "module": __name__, "namespace": {"same_as": (form,)}}
        return defstruct(f"With{form.__name__}", members, bases=(ByHand,), **options)

    Loading = taking(OutputTable, "source", "destination", "write_always")
    Reading = taking(InputTable, "source", "destination", "source_branch_id", "file_type")


@method(
    "storage.table.import",
    Role.OPERATOR,
    answers=Job,
    refuses=CHANGING,
    called="storage.table.load",
    example={"id": "in.c-shop.orders", "path": "/data/orders.csv", "primaryKey": ["id"]},
)
class TableImport(Loading, frozen=True, kw_only=True):
    """Load a file into a table; the result is the job that does it, and reads the file as the caller.

    Attributes:
        id: The table's id.
        path: The file, or a folder of slices.
        data_type_support: `authoritative` types are the columns' types; with `hints` and `none` columns are
            texts.
        treat_values_as_null: Texts that mean no value.
        table_modifications: What the load may change of the table's structure.
    """

    path: DataPath
    data_type_support: Literal["authoritative", "hints", "none"] | None = None
    treat_values_as_null: list[str] = []
    table_modifications: Literal["none", "non-destructive", "all"] = "non-destructive"


@method(
    "storage.table.export",
    Role.OPERATOR,
    answers=Job,
    refuses=[*CHANGING, ErrorKind.FORBIDDEN],
    example={"id": "in.c-shop.orders", "path": "/data/orders.csv"},
)
class TableExport(Reading, frozen=True, kw_only=True):
    """Write a table to a file; the result is the job that does it, and writes the file as the caller.

    Attributes:
        id: The table's id.
        path: The file; with the format `parquet` a folder of files.
        system: The system to write to; the path is below its root.
        format: The format of the file.
        overwrite: Whether an existing file is replaced.
    """

    path: SystemPath
    system: SystemId | None = None
    format: Literal["csv", "parquet"] = "csv"
    overwrite: bool = False

    def check(self) -> None:
        """Raises FieldError for half a filter, and for an invalid path."""
        super().check()
        check_path(self.path, self.system)


@method(
    "storage.table.clone",
    Role.OPERATOR,
    answers=Job,
    refuses=CHANGING,
    example={"id": "in.c-shop.orders", "toId": "in.c-shop.orders_2"},
)
class TableClone(Mutation, frozen=True, kw_only=True):
    """Create a table with the content of another; the result is the job that does it.

    No data is copied if files can be linked.

    Attributes:
        id: The table's id.
        version: A version of the table instead of the head.
        to_id: The id of the new table; by default the same.
        to_branch_id: The branch of the new table; by default the same.
    """

    id: TableId
    branch_id: BranchId = "default"
    version: TableVersionNumber | None = None
    to_id: TableId | None = None
    to_branch_id: BranchId | None = None
    fields: JobFields | None = None

    def check(self) -> None:
        """Raises FieldError if the table would be its own clone."""
        if self.to_id in (None, self.id) and self.to_branch_id in (None, self.branch_id):
            raise FieldError("Name another id, or another branch", "toId")
