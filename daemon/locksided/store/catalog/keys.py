"""The identification of stored objects, and the selection of objects for lists. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lockside.kinds import COMPONENT, CONFIG, Kind
from locksided.secrets.places import Place, Scope
from locksided.store import cursors
from locksided.store.rows import StoredRow

DEFAULT = "default"
_AFTER_SLASH = "0"  # the character after "/": no scope of a branch sorts after `<branch>0`


@dataclass(frozen=True, slots=True)
class Change:
    """Who changes something, when, and why; `time_us` in microseconds since the epoch.

    `owner` is the new owner of an object, for kinds with owners.
    """

    time_us: int
    by: Mapping[str, Any]
    description: str | None = None
    owner: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Key:
    """Identifies one object: the values of its kind's key members, and the branch if there are branches."""

    project: str
    kind: Kind
    names: tuple[str, ...]
    branch: str = DEFAULT

    @classmethod
    def at(cls, project: str, kind: Kind, scope: str, object_id: str) -> "Key":
        """Return the key of an object that is stored under a scope and an id."""
        branch, _, rest = scope.partition("/") if kind.in_branch else (DEFAULT, "", scope)
        return cls(project, kind, (*filter(None, rest.split("/")), object_id), branch)

    @property
    def id(self) -> str:
        """The last of its names."""
        return self.names[-1]

    @property
    def scope(self) -> str:
        """All but the id, in stored form: empty, or `<branch>/<component>` for a configuration."""
        return _scope(self.kind, self.branch, self.names[:-1])

    def params(self) -> dict[str, Any]:
        """Return the key as parameters of a statement."""
        return {"project": self.project, "kind": self.kind.word, "scope": self.scope, "id": self.id}

    def members(self) -> dict[str, str]:
        """Return the key in the form used in an event's data."""
        branch = {"branchId": self.branch} if self.kind.in_branch else {}
        return branch | dict(zip(self.kind.key, self.names, strict=True))

    @property
    def place(self) -> Place:
        """The place that its secrets are bound to."""
        match self.kind.word:
            case CONFIG.word:
                return Place.of_config(self.project, *self.names)
            case COMPONENT.word:
                return Place.of_component(self.id)
            case "schedule" | "trigger" | "template":
                return Place.of_makers(self.project)
            case word:
                return Place(_SCOPES.get(word, Scope.VARIABLES), (self.project, self.id))

    @property
    def document_path(self) -> str:
        """The path of its document in the parameters of `put`."""
        return "$" if self.kind.is_flat else f"$.{self.kind.member}"

    def path(self, version: int | None = None) -> str:
        """Return the field that identified it in a request."""
        return f"$.{self.kind.key[-1]}" if version is None else "$.version"

    def __str__(self) -> str:
        *before, _ = zip(self.kind.key, self.names, strict=True)
        return " ".join([f"{self.kind.title} {self.id}", *(f"of {name} {value}" for name, value in before)])


@dataclass(frozen=True, slots=True)
class ConfigId:
    """Identifies one configuration."""

    component: str
    config: str
    branch: str = DEFAULT
    project: str = DEFAULT

    def key(self) -> Key:
        """Return its key among the stored objects."""
        return Key(self.project, CONFIG, (self.component, self.config), self.branch)

    @property
    def place(self) -> Place:
        """The place that the secrets of its state are bound to."""
        return self.key().place


@dataclass(frozen=True, slots=True)
class Listing:
    """The objects of a list: those of a kind in the scopes from `first` to `last`, by scope and id.

    `keep` filters them by their bodies.
    """

    project: str
    kind: Kind
    branch: str = DEFAULT
    first: str = ""
    last: str = ""
    keep: Callable[[Mapping[str, Any]], bool] | None = None

    def cursor_at(self, stored: StoredRow) -> str:
        """Return the cursor after an object."""
        return cursors.written(self.kind.word, stored.scope, stored.id)


_SCOPES = {"notification": Scope.SUBSCRIPTION, "system": Scope.SYSTEM}


def all_of(
    kind: Kind,
    project: str = DEFAULT,
    branch: str = DEFAULT,
    names: tuple[str, ...] = (),
    keep: Callable[[Mapping[str, Any]], bool] | None = None,
) -> Listing:
    """Select all objects of a kind, in a branch if it has branches, or with keys that begin with `names`."""
    if names or not kind.in_branch:
        scope = _scope(kind, branch, names)
        return Listing(project, kind, branch, scope, scope, keep)
    return Listing(project, kind, branch, f"{branch}/", f"{branch}{_AFTER_SLASH}", keep)


def in_branch(project: str, branch: str) -> dict[str, str]:
    """Return the range of the scopes of a branch, as parameters of a statement."""
    return {"project": project, "scope": f"{branch}/", "scope_to": f"{branch}{_AFTER_SLASH}"}


def _scope(kind: Kind, branch: str, names: tuple[str, ...]) -> str:
    return (f"{branch}/" if kind.in_branch else "") + "/".join(names)
