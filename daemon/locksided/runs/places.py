"""Locations of jobs' folders: in the state folder, or in a work root shared with other machines."""

from collections.abc import Mapping

from locksided.runs.folder import RunFolder, work_path


class Places:
    """Knows where the folders of jobs are. `elsewhere` has the work roots of jobs that have one."""

    def __init__(self, state_dir: str, identity: int) -> None:
        self._state_dir = state_dir
        self._identity = f"{identity:015x}"
        self._elsewhere: dict[int, str] = {}

    def know(self, elsewhere: Mapping[int, str]) -> None:
        """Add the stored work roots of jobs."""
        self._elsewhere.update(elsewhere)

    def put(self, job_id: int, work_root: str | None) -> None:
        """Set the work root of a job that starts (None: the state folder)."""
        if work_root is not None:
            self._elsewhere[job_id] = work_root
        elif self._elsewhere:
            self._elsewhere.pop(job_id, None)

    def work_path(self, job_id: int) -> str:
        """Return the folder of a job."""
        work_root = self._elsewhere.get(job_id)
        if work_root is None:
            return work_path(self._state_dir, job_id)
        return f"{work_root}/{self._identity}/{job_id // 10_000}/{job_id}"

    def folder(self, job_id: int) -> RunFolder:
        """Return the folder of a job, with the names of its content."""
        return RunFolder(self.work_path(job_id))

    def work_root(self, job_id: int) -> str | None:
        """Return the work root of a job, if it has one."""
        return self._elsewhere.get(job_id)
