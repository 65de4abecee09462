"""Systems: external systems to copy files from or to, with the options of their servers."""

from typing import Annotated, Any, TypeAlias
from urllib.parse import quote, unquote, urlsplit

from msgspec import Meta

from lockside.documents.base import FieldError, In, Name, SystemId, Text
from lockside.documents.staging import SCHEMES, Uri, check_uri

Named: TypeAlias = Annotated[list[Name], Meta(max_length=1000)]


class SystemSpec(In, frozen=True, kw_only=True):
    """An external system to copy files from or to.

    Attributes:
        id: The system's id, as in `system://ID/path`.
        type: The scheme of its root: `file`, `ftp`, `ftps`, `gs`, `http`, `https`, `s3` or `sftp`, or of
            fsspec: `abfs`, `abfss`, `az`, `hf`, `oss`, `smb`, `webdav` or `webhdfs`.
        root: The URI of the folder that contains all paths, as `sftp://files.example.com/data`; for `file` an
            absolute path is accepted, too.
        options: Options of the server: `user` and `#password`; for sftp also `#privateKey` and `hostKey`, for
            s3 and gs `key`, `#secret`, `region` and `endpointUrl`; for fsspec those of its package. Users of
            the system may be able to read them.
        is_writable: Whether jobs may archive to it.
        users: The users who may use it, by name or number; everybody if neither users nor groups are given.
        groups: The groups whose members may use it.
    """

    id: SystemId
    type: str
    root: Uri
    description: Text | None = None
    options: dict[str, Any] = {}
    is_writable: bool = False
    users: Named = []
    groups: Named = []

    def check(self) -> None:
        """Raises FieldError for an invalid root, and for a writable system whose scheme cannot write."""
        if self.is_stored:
            return
        if self.type not in SCHEMES:
            raise FieldError(f"It must be one of {', '.join(SCHEMES)}", "type")
        check_uri(self.url, "root")
        if urlsplit(self.url).scheme != self.type:
            raise FieldError(f"It must be a URI of {self.type}", "root")
        if ".." in _parts(urlsplit(self.url).path):
            raise FieldError("It must be a path without `..`", "root")
        if self.is_writable and self.type in ("http", "https"):
            raise FieldError(f"{self.type} cannot write files", "isWritable")

    @property
    def url(self) -> str:
        """The URI of its root."""
        return f"file://{quote(self.root)}" if self.type == "file" and "://" not in self.root else self.root

    def place(self, path: str) -> str:
        """Return the URI of a path in it; the path is already percent-encoded."""
        return f"{self.url.rstrip('/')}/{path.lstrip('/')}"


def _parts(path: str) -> list[str]:
    return unquote(path).split("/")
