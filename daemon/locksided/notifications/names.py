"""The names that users gave to what an event is about: project, branch, component, configuration."""

from lockside.kinds import BRANCH, COMPONENT
from locksided.api.job_links import links_of
from locksided.notifications.telling import JobNames
from locksided.settings import Settings
from locksided.store.catalog import objects
from locksided.store.catalog.keys import DEFAULT, ConfigId, Key
from locksided.store.rows import JobRow
from locksided.store.sql import Database


class Names:
    """Reads each name once; for use within one read of the database."""

    def __init__(self, connection: Database, settings: Settings) -> None:
        self._connection = connection
        self._project = settings.project
        self._web = settings.web
        self._known: dict[tuple[str, ...], str | None] = {}

    def of_project(self, project: str) -> str:
        """Return the name of a project, or its id if it has none."""
        return self._project.name if project == self._project.id else project

    def of(self, job: JobRow) -> JobNames:
        """Return the names of what a job belongs to, and its page."""
        branch, component, config = job.branch_id or DEFAULT, job.component, job.config
        return JobNames(
            self.of_project(job.project),
            self._read(Key(job.project, BRANCH, (branch,))),
            component and (self._read(Key(job.project, COMPONENT, (component,))) or component),
            component and config and self._read(ConfigId(component, config, branch, job.project).key()),
            links_of(job, self._web).get("page"),
        )

    def _read(self, key: Key) -> str | None:
        place = (key.project, key.kind.word, key.branch, *key.names)
        if place not in self._known:
            found = objects.find(self._connection, key)
            self._known[place] = None if found is None else found.body.get("name")
        return self._known[place]
