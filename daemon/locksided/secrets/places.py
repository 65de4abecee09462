"""Places: what a secret is bound to. A cipher text can be decrypted only for a place that it fits. Pure."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from lockside.documents.component import ORCHESTRATOR
from lockside.documents.secrets import Steps


class Scope(StrEnum):
    """The objects for which a cipher text can be used."""

    CONFIG = "config"
    PROJECT = "project"
    COMPONENT = "component"
    VARIABLES = "variables"
    SUBSCRIPTION = "subscription"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Place:
    """A scope and the names that it is bound to.

    `names` are project, component and configuration (`config`), project and component (`project`), the
    component (`component`), or project and object (all others).
    """

    scope: Scope
    names: tuple[str, ...]

    @classmethod
    def of_config(cls, project: str, component: str, config: str) -> "Place":
        """Return the place of a configuration in all branches, with its rows, versions and state."""
        return cls(Scope.CONFIG, (project, component, config))

    @classmethod
    def of_jobs(cls, project: str, component: str) -> "Place":
        """Return the place of the jobs of a component in a project."""
        return cls(Scope.PROJECT, (project, component))

    @classmethod
    def of_component(cls, component: str) -> "Place":
        """Return the place of a component in all projects."""
        return cls(Scope.COMPONENT, (component,))

    @classmethod
    def of_request(cls, project: str, component: str, config: str | None) -> "Place":
        """Return the place that the values of a job request are encrypted for."""
        return (
            cls.of_jobs(project, component) if config is None else cls.of_config(project, component, config)
        )

    @classmethod
    def of_makers(cls, project: str) -> "Place":
        """Return the place of schedules, triggers and templates: their `job` is bound to its component."""
        return cls(Scope.PROJECT, (project, ""))

    @property
    def component(self) -> str | None:
        """The component that it is bound to."""
        match self.scope:
            case Scope.CONFIG | Scope.PROJECT:
                return self.names[1]
            case Scope.COMPONENT:
                return self.names[0]
            case _:
                return None

    def accepts(self, other: "Place") -> bool:
        """Return whether values for `other` can be decrypted here: it equals or includes this place."""
        return other in (self, *self._wider())

    def _wider(self) -> list["Place"]:
        match self.scope:
            case Scope.CONFIG:
                project, component, _ = self.names
                return [Place.of_jobs(project, component), Place.of_component(component)]
            case Scope.PROJECT:
                return [Place.of_component(self.names[1])]
            case _:
                return []

    def inside(self, steps: Steps, document: Any) -> "Place":
        """Return the place of the value at `steps` in a document of this place.

        A task of an orchestration, and the job of a schedule or template, are bound to their own component.
        """
        member = "task" if self.component == ORCHESTRATOR else "job" if self.component == "" else None
        if member not in steps:
            return self
        for step in steps[: steps.index(member) + 1]:
            document = document[step]
        component = document.get("component") if isinstance(document, dict) else None
        return Place.of_jobs(self.names[0], component) if isinstance(component, str) else self

    def __str__(self) -> str:
        return f"{self.scope} {'/'.join(self.names)}"
