"""Systems: named places outside to copy files from or to, with what their servers ask for."""

from typing import Annotated, Any, TypeAlias
from urllib.parse import quote, unquote, urlsplit

from msgspec import Meta

from lockside.documents.base import FieldError, In, Name, SystemId, Text
from lockside.documents.staging import SCHEMES, Uri, check_uri

Named: TypeAlias = Annotated[list[Name], Meta(max_length=1000)]


class SystemSpec(In, frozen=True, kw_only=True):
    """A place outside to copy files from or to.

    Attributes:
        id: The system's id, as in `system://ID/path`.
        type: The scheme of its root: `file`, `ftp`, `ftps`, `gs`, `http`, `https`, `s3` or `sftp`, or one
            of fsspec: `abfs`, `abfss`, `az`, `hf`, `oss`, `smb`, `webdav` or `webhdfs`.
        root: The URI of the folder that no path leaves, as `sftp://files.example.com/data`; of `file` the
            whole path does, too.
        options: What the server asks for: `user` and `#password`; for sftp also `#privateKey` and `hostKey`,
            for s3 and gs `key`, `#secret`, `region` and `endpointUrl`; for those of fsspec what its package
            takes. Whoever may use the system can come to
            know them.
        is_writable: Whether jobs may archive to it.
        users: The users who may use it, by their names or numbers; everybody when no group is named, either.
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
        """Raises FieldError for a root that can never be, and for one that cannot be written to."""
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
            raise FieldError(f"Nothing can be written by {self.type}", "isWritable")

    @property
    def url(self) -> str:
        """The URI of its root."""
        return f"file://{quote(self.root)}" if self.type == "file" and "://" not in self.root else self.root

    def place(self, path: str) -> str:
        """The URI of a path in it, whose parts are encoded as in a URI."""
        return f"{self.url.rstrip('/')}/{path.lstrip('/')}"


def _parts(path: str) -> list[str]:
    return unquote(path).split("/")
