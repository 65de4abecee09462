"""Inputs: files that are fetched into the data folder before a component starts."""

import re
from collections.abc import Iterator, Mapping, Sequence
from posixpath import basename
from typing import Annotated, Any, Final, TypeAlias
from urllib.parse import quote, unquote, urlsplit

from msgspec import Meta
from msgspec.structs import replace

from lockside.documents.base import FieldError, In

FOLDERS = ("in/files", "in/tables", "in/user")
EXTRAS = {"gs": "botocore", "s3": "botocore", "sftp": "paramiko"}
"""The schemes that need the extra of the same name, and the module that it installs."""
FSSPEC = {
    **dict.fromkeys(("abfs", "abfss", "az"), "adlfs"),
    "hf": "huggingface_hub",
    "oss": "ossfs",
    "smb": "smbprotocol",
    "webdav": "webdav4",
    "webhdfs": "requests",
}
"""The schemes that fsspec reads, and the further package that each needs."""
SCHEMES = ("file", "ftp", "ftps", "http", "https", *EXTRAS, *FSSPEC)
SYSTEM = "system"
"""The scheme of files in a system: `system://ID/path`."""
MOST_INPUTS = 10_000
_SCHEME = re.compile("[A-Za-z][A-Za-z0-9+.-]*:")

CHECKSUM_PATTERN: Final = r"^(sha256:[0-9a-f]{64}|md5:[0-9a-f]{32})$(?!\n)"
Checksum: TypeAlias = Annotated[str, Meta(pattern=CHECKSUM_PATTERN)]
Uri: TypeAlias = Annotated[str, Meta(min_length=1, max_length=8192)]


class InputSource(In, frozen=True, kw_only=True):
    """A file that is fetched before the component starts.

    Attributes:
        source: Its location: a URI of file, http, https, ftp, ftps, sftp, s3, gs or fsspec (abfs, abfss, az,
            hf, oss, smb, webdav, webhdfs), `system://ID/path`, or a path in the component's `defaultSystem`.
            A password belongs to `options`.
        target: The file in the data folder, in `in/files`, `in/tables` or `in/user`; by default `in/files`
            and the last part of the source.
        checksum: The expected checksum: `sha256:` or `md5:` and the digits.
        size_bytes: The expected size, in bytes.
        optional: Whether the job continues if there is no such file.
        options: Options of the server: `user` and `#password`; for sftp also `#privateKey` and `hostKey`, for
            s3 and gs `key`, `#secret`, `region` and `endpointUrl`; for fsspec those of its package, such as
            `account_name` and `#account_key`.
        headers: Headers of an http request, such as `#Authorization`.
    """

    source: Uri
    target: Annotated[str, Meta(min_length=1, max_length=1024)] | None = None
    checksum: Checksum | None = None
    size_bytes: Annotated[int, Meta(ge=0)] | None = None
    optional: bool = False
    options: dict[str, Any] = {}
    headers: dict[str, str] = {}

    @property
    def path(self) -> str:
        """Its path in the data folder."""
        return self.target or f"{FOLDERS[0]}/{_last_part(self.source)}"

    @property
    def system(self) -> str | None:
        """Its system; None for a URI of another scheme."""
        return urlsplit(self.source).netloc if self.source.startswith(f"{SYSTEM}://") else None

    @property
    def path_in_system(self) -> str:
        """Its path in the system, decoded."""
        return unquote(urlsplit(self.source).path).removeprefix("/")

    def inside(self, system: str) -> "InputSource":
        """Return the same input as a URI of that system."""
        return replace(self, source=f"{SYSTEM}://{system}/{quote(self.source)}", target=self.path)


Inputs: TypeAlias = Annotated[list[InputSource], Meta(max_length=MOST_INPUTS)] | dict[str, Uri | list[Uri]]
"""A list, or names with one or several sources, which are stored as `in/files/<name>` or below it."""


def listed(inputs: Inputs | None) -> list[InputSource]:
    """Return inputs as a list."""
    if not isinstance(inputs, dict):
        return inputs or []
    return [
        InputSource(source=source, target=target)
        for name, given in inputs.items()
        for source, target in _named(name, given)
    ]


def _named(name: str, given: str | list[str]) -> Iterator[tuple[str, str]]:
    if isinstance(given, str):
        yield given, f"{FOLDERS[0]}/{name}"
        return
    for source in given:
        yield source, f"{FOLDERS[0]}/{name}/{_last_part(source)}"


def check(inputs: Inputs | None, path: str) -> None:
    """Raise FieldError for an invalid source or target, and for two equal targets."""
    known: dict[str, str] = {}
    is_list = not isinstance(inputs, dict)
    for place, one in enumerate(listed(inputs)):
        at = f"{path}[{place}]" if is_list else path
        _check_source(one, f"{at}.source" if is_list else at)
        of_target = f"{at}.target" if is_list else at
        _check_target(one.path, of_target)
        if one.path in known:
            raise FieldError(f"{known[one.path]} goes to {one.path!r}, too", of_target)
        known[one.path] = at


def _check_source(one: InputSource, path: str) -> None:
    if is_relative(one.source):
        _check_inside(one.source, path)
    elif one.system is not None:
        _check_inside(one.path_in_system, path)
        if one.options:
            raise FieldError("Give options in the system, not in its files", path)
    else:
        check_uri(one.source, path)


def _check_inside(inside: str, path: str) -> None:
    parts = inside.split("/")
    if inside.startswith("/") or ".." in parts or parts[-1] in ("", "."):
        raise FieldError(f"{inside!r} is not the path of a file in a system", path)


def check_uri(uri: str, path: str) -> None:
    """Raise FieldError for a URI that cannot be fetched."""
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError as problem:
        raise FieldError(f"It is not a URI: {problem}", path) from None
    if parts.scheme not in SCHEMES:
        raise FieldError(f"It must be a URI of {', '.join(SCHEMES)}; {parts.scheme}: cannot be fetched", path)
    if parts.password is not None:
        raise FieldError("A password does not belong in a URI: give it as `#password` in `options`", path)
    if parts.scheme == "file" and (parts.netloc not in ("", "localhost") or not parts.path.startswith("/")):
        raise FieldError("It must name a file by its absolute path, as in file:///data/a.csv", path)
    if parts.scheme != "file" and not parts.hostname:
        raise FieldError("It names no host", path)


def _check_target(target: str, path: str) -> None:
    parts = target.split("/")
    if "" in parts or "." in parts or ".." in parts or "\0" in target:
        raise FieldError(f"{target!r} is not a relative path without `.` and `..`", path)
    if len(parts) < 3 or "/".join(parts[:2]) not in FOLDERS:
        raise FieldError(f"{target!r} must be below {', '.join(FOLDERS)}", path)


def is_relative(source: str) -> bool:
    """Return whether it is a path in the component's own system."""
    return not _SCHEME.match(source)


def packages_of(scheme: str) -> tuple[str, ...]:
    """Return the modules that a scheme needs beside those of the daemon."""
    if scheme in FSSPEC:
        return "fsspec", FSSPEC[scheme]
    return (EXTRAS[scheme],) if scheme in EXTRAS else ()


def pip_line(scheme: str) -> str:
    """Return the command that installs them."""
    of_fsspec = FSSPEC.get(scheme)
    return f"pip install 'lockside[fsspec]' {of_fsspec}" if of_fsspec else f"pip install 'lockside[{scheme}]'"


def _last_part(source: str) -> str:
    return basename(source) if is_relative(source) else unquote(basename(urlsplit(source).path))


def shown_source(source: str) -> str:
    """Return a source without its query and user name, which may be secret."""
    parts = urlsplit(source)
    host = parts.hostname or ""
    netloc = f"[{host}]" if ":" in host else host
    if parts.port:
        netloc += f":{parts.port}"
    return parts._replace(netloc=netloc, query="", fragment="").geturl()


def options_of(one: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Return the options of a scheme, secrets by their name without `#`."""
    return {name: value for name in names if (value := one.get(f"#{name}", one.get(name))) is not None}
