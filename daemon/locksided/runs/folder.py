"""Where a job's files are: the names of everything below its work path. Pure; nothing is read or created."""

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple


def work_path(state_dir: str, job_id: int) -> str:
    """Return the folder of one job; a parent folder has ten thousand of them."""
    return f"{state_dir}/runs/{job_id // 10_000}/{job_id}"


@dataclass(frozen=True, slots=True)
class RunFolder:
    """One job's folder. `data`, `tmp` and `cwd` belong to the job's user, everything else to the daemon's."""

    root: str

    def __post_init__(self) -> None:
        if not self.root.startswith("/"):
            raise ValueError(f"{self.root} is not absolute")

    @property
    def data(self) -> str:
        """The data folder that the component sees."""
        return f"{self.root}/data"

    @property
    def tmp(self) -> str:
        """TMPDIR of the step."""
        return f"{self.root}/tmp"  # noqa: S108 - below the job's own folder

    @property
    def cwd(self) -> str:
        """The empty working directory of the step."""
        return f"{self.root}/cwd"

    @property
    def log(self) -> str:
        """The segments of the log."""
        return f"{self.root}/log"

    @property
    def rows(self) -> str:
        """The data folders of finished rows, one per row."""
        return f"{self.root}/rows"

    @property
    def spares(self) -> str:
        """Where unused input folders are kept for later jobs: beside `runs`, as they belong to no job."""
        return f"{self.root.rsplit('/', 3)[0]}/spare"

    @property
    def handed(self) -> str:
        """The file with the number of the step that got the output of the previous step."""
        return f"{self.root}/handed"

    @property
    def images(self) -> str:
        """The images of a run, as found at its beginning."""
        return f"{self.root}/images.json"

    def debug(self, row: str | None) -> str:
        """The snapshots of a debug run, separate for each row."""
        return f"{self.root}/debug" if row is None else f"{self.root}/debug/{row}"

    def operation(self, step: int) -> str:
        """The folder of an operation's order and result, or of a container's pid file."""
        return f"{self.root}/operation-{step}"

    def control(self, launch: int, step: int) -> str:
        """The control folder of one start: its claim and its outcome."""
        return f"{self.root}/steps/{launch}-{step}"

    def result(self, launch: int, step: int) -> str:
        """The result of a step: beside its control folder, which may belong to the job's user."""
        return f"{self.control(launch, step)}.result"


class StartToken(NamedTuple):
    """The name of one start; it is never reused."""

    job_id: int
    launch: int
    step: int

    @classmethod
    @lru_cache(256)  # several messages have the same token
    def parse(cls, text: str) -> "StartToken":
        """Parse the text of a token."""
        return cls(*map(int, text.split("-")))

    def __str__(self) -> str:
        return f"{self.job_id}-{self.launch}-{self.step}"
