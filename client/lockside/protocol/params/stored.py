"""The parameters of `component.*`, `config.*`, `branch.*`, `variables.*`, `state.*` and `catalog.*`."""

from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from lockside.documents.base import (
    BranchId,
    ComponentId,
    ConfigId,
    DeduplicationId,
    ProjectId,
    RowId,
    Sequence,
    Text,
)
from lockside.documents.configuration import ConfigSpec
from lockside.protocol.kindmethods import contents
from lockside.protocol.params.base import Mutating, Params


class ConfigPut(ConfigSpec, frozen=True, kw_only=True):
    """Parameters of `config.put`: stores the next version.

    Attributes:
        expected_version: Refuse the call unless this is the current version; 0 means that there is none.
    """

    project: ProjectId = "default"
    deduplication_id: DeduplicationId | None = None
    branch_id: BranchId = "default"
    change_description: Text | None = None
    expected_version: Sequence | None = None


class StateGet(Params, frozen=True, kw_only=True):
    """Parameters of `state.get`."""

    component: ComponentId
    config: ConfigId
    branch_id: BranchId = "default"
    row: RowId | None = None


class StateReset(Mutating, frozen=True, kw_only=True):
    """Parameters of `state.reset`."""

    component: ComponentId
    config: ConfigId
    branch_id: BranchId = "default"
    row: RowId | None = None


DraftId = Annotated[str, Meta(min_length=1, max_length=64)]


if TYPE_CHECKING:

    class CatalogContents(Params, frozen=True, kw_only=True):
        """Objects to store: a list for each kind, under the kind's plural."""

        branch_id: BranchId = "default"

else:
    CatalogContents = contents()


class CatalogStage(CatalogContents, frozen=True, kw_only=True):
    """Parameters of `catalog.stage`: a part of what one `catalog.apply` on the same connection stores.

    The daemon keeps the parts until that call, or until the connection ends.

    Attributes:
        draft: A name that the caller chooses; the first part with it begins the draft.
    """

    draft: DraftId


class CatalogApply(CatalogContents, frozen=True, kw_only=True):
    """Parameters of `catalog.apply`: objects to store in one transaction.

    A kind that is not given is left alone; of one that is given, `prune` also deletes what is not named.
    With `dryRun` nothing changes and the plan is answered; `plan` is that answer's, and refuses another.

    Attributes:
        draft: What was staged under this name comes before the objects given here.
        prune: Delete what is stored and not given, of the kinds that are given.
        plan: The `plan` of an earlier dry run; the call is refused when anything else would change.
    """

    draft: DraftId | None = None
    deduplication_id: DeduplicationId | None = None
    prune: bool = False
    dry_run: bool = False
    plan: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    change_description: Text | None = None
