"""The methods that store many objects at once, and those of the states that jobs save."""

from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import Meta

from lockside.documents.base import (
    BranchId,
    ComponentId,
    ConfigId,
    DeduplicationId,
    RowId,
    Text,
)
from lockside.protocol.declaration import Mutation, Params, method
from lockside.protocol.errors import ErrorKind
from lockside.protocol.kind_methods import MANIFEST, contents
from lockside.protocol.methods.jobs import ORDERS
from lockside.protocol.types.catalog import CatalogPlan, Staged
from lockside.protocol.types.stored import State
from lockside.protocol.words import Role

DraftId = Annotated[str, Meta(min_length=1, max_length=64)]


if TYPE_CHECKING:

    class CatalogContents(Params, frozen=True, kw_only=True):
        """Objects to store: a list for each kind, under the kind's plural."""

        branch_id: BranchId = "default"

else:
    CatalogContents = contents()


@method(
    "catalog.stage",
    Role.OPERATOR,
    answers=Staged,
    refuses=[ErrorKind.NOT_FOUND, ErrorKind.CONFLICT],
    of_connection=True,
    example={"draft": "a", "configs": [ORDERS]},
)
class CatalogStage(CatalogContents, frozen=True, kw_only=True):
    """Send some of the objects for `catalog.apply` in advance, if all of them would not fit in one line.

    The daemon keeps them until `catalog.apply` on the same connection, or until the connection ends.

    Attributes:
        draft: A name that the caller chooses; the first part with it begins the draft.
    """

    draft: DraftId


@method(
    "catalog.apply",
    Role.OPERATOR,
    answers=CatalogPlan,
    refuses=[ErrorKind.NOT_FOUND],
    example={"components": [MANIFEST], "configs": [ORDERS], "dryRun": True},
)
class CatalogApply(CatalogContents, frozen=True, kw_only=True):
    """Store many objects in one transaction.

    Kinds that are not given stay unchanged; of a given kind, `prune` also deletes the objects that are not in
    the call. With `dryRun` nothing changes and the plan is returned; pass its `plan` to apply exactly that.

    Attributes:
        draft: The objects staged under this name are stored, too, before those given here.
        prune: Delete stored objects that are not given, of the kinds that are given.
        plan: The `plan` of an earlier dry run; the call is refused if anything else would change.
    """

    draft: DraftId | None = None
    deduplication_id: DeduplicationId | None = None
    prune: bool = False
    dry_run: bool = False
    plan: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    change_description: Text | None = None


@method(
    "state.get", Role.VIEWER, answers=State, refuses=[ErrorKind.NOT_FOUND], positional=["row"], example=ORDERS
)
class StateGet(Params, frozen=True, kw_only=True):
    """Return the state that the last successful run saved for the next run."""

    component: ComponentId
    config: ConfigId
    branch_id: BranchId = "default"
    row: RowId | None = None


@method(
    "state.reset",
    Role.OPERATOR,
    answers=State,
    refuses=[ErrorKind.NOT_FOUND],
    positional=["row"],
    example=ORDERS,
)
class StateReset(Mutation, frozen=True, kw_only=True):
    """Delete the state.

    Attributes:
        part: What is deleted: `component`, what the component saved; `storage`, how far adaptive inputs were
            read; or `all`.
    """

    component: ComponentId
    config: ConfigId
    branch_id: BranchId = "default"
    row: RowId | None = None
    part: Literal["component", "storage", "all"] = "all"
