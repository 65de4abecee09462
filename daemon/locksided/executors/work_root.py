"""The folder with the same path here and on the engine's machines: the runner's code, and the inbox."""

import io
import os
import py_compile
import tempfile
import zipfile
from pathlib import Path

from locksided.keeper import build, remote

_MAIN = "from locksided.keeper.runner import main\nraise SystemExit(main())\n"
_SAME_FOR_ALL = (1980, 1, 1, 0, 0, 0)


class WorkRoot:
    """One work root."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.runner = f"{path}/.lockside/{build.fingerprint()}.pyz"

    def prepare(self) -> None:
        """Create what runners need, if it is missing. Raises OSError."""
        place = Path(self.path, ".lockside")
        place.mkdir(0o755, parents=True, exist_ok=True)
        remote.require_own(str(place), self.path)
        inbox = Path(remote.inbox(self.path))
        if not inbox.is_dir():
            inbox.mkdir(0o700, exist_ok=True)
        if os.geteuid() == 0:
            place.chmod(0o755)
            inbox.chmod(0o1777)  # runners of all users leave entries; each removes only its own
        if not os.path.exists(self.runner):
            made = f"{self.runner}.{os.getpid()}"
            Path(made).write_bytes(_runner())
            os.chmod(made, 0o644)
            os.rename(made, self.runner)

    def entries(self) -> list[tuple[str, str]]:
        """Return tokens with the kind of their entries. Raises OSError.

        An entry is created and removed before, so that a caching file system shows the current content.
        """
        place = remote.inbox(self.path)
        os.unlink(remote.entry(self.path))
        found = (name.rpartition(".") for name in os.listdir(place) if not name.startswith("."))
        return [(token, what) for token, _, what in found if what in (remote.BEGAN, remote.OVER)]


def _runner() -> bytes:
    """Return the keeper's modules as one executable zip file for Python."""
    package = Path(build.__file__).parent
    sources = {path.relative_to(package.parents[1]): path.read_bytes() for path in package.rglob("*.py")}
    sources |= {Path("locksided/__init__.py"): b"", Path("__main__.py"): _MAIN.encode()}
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(sources):
            archive.writestr(zipfile.ZipInfo(str(name), _SAME_FOR_ALL), sources[name])
            archive.writestr(zipfile.ZipInfo(f"{name}c", _SAME_FOR_ALL), _compiled(name, sources[name]))
    return made.getvalue()


def _compiled(name: Path, source: bytes) -> bytes:
    """Return a module's byte code: without it a runner compiles at each start, as on another Python."""
    with tempfile.NamedTemporaryFile(suffix=".py") as file:
        file.write(source)
        file.flush()
        mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
        made = Path(f"{file.name}c")
        py_compile.compile(file.name, str(made), str(name), doraise=True, invalidation_mode=mode)
        try:
            return made.read_bytes()
        finally:
            made.unlink()
