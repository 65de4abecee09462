"""Which job's folder is where: in the state folder, or in a work root that other machines have, too."""

from collections.abc import Mapping

from locksided.runs.folder import RunFolder, work_path


class Places:
    """Where the folders of jobs are. `elsewhere` are the work roots of jobs that have one."""

    def __init__(self, state_dir: str, identity: int) -> None:
        self._state_dir = state_dir
        self._identity = f"{identity:015x}"
        self._elsewhere: dict[int, str] = {}

    def know(self, elsewhere: Mapping[int, str]) -> None:
        """What the store knows of jobs that have a work root."""
        self._elsewhere.update(elsewhere)

    def put(self, job_id: int, work_root: str | None) -> None:
        """A job starts; from now on its folder is there (None: in the state folder)."""
        if work_root is not None:
            self._elsewhere[job_id] = work_root
        elif self._elsewhere:
            self._elsewhere.pop(job_id, None)

    def work_path(self, job_id: int) -> str:
        """The folder of a job."""
        work_root = self._elsewhere.get(job_id)
        if work_root is None:
            return work_path(self._state_dir, job_id)
        return f"{work_root}/{self._identity}/{job_id // 10_000}/{job_id}"

    def folder(self, job_id: int) -> RunFolder:
        """The same, with the names of what is in it."""
        return RunFolder(self.work_path(job_id))

    def work_root(self, job_id: int) -> str | None:
        """The work root of a job, if it has one."""
        return self._elsewhere.get(job_id)
