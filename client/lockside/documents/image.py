"""Container images as programs of components: the image's name and what its processes may access."""

import re
from enum import StrEnum
from typing import Annotated, Final

from msgspec import Meta

from lockside.documents.base import Argument, FieldError, In

IMAGE_PATTERN: Final = (
    r"^[a-z0-9]+([._-]+[a-z0-9]+)*(:[0-9]+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*"
    r"(:[A-Za-z0-9_][A-Za-z0-9._-]{0,127}|@sha256:[0-9a-f]{64})?$(?!\n)"
)
ImageName = Annotated[
    str, Meta(pattern=IMAGE_PATTERN, max_length=512, examples=["registry.example.org/etl/orders"])
]


class Pull(StrEnum):
    """When an image is fetched from its registry before a run."""

    MISSING = "missing"
    ALWAYS = "always"
    NEVER = "never"


class Network(StrEnum):
    """The network of a container: the machine's, none, or a private one."""

    HOST = "host"
    NONE = "none"
    PRIVATE = "private"


class ImageUser(StrEnum):
    """The user of processes inside the container: the image's own, or one with the uid of the job's user."""

    IMAGE = "image"
    JOB = "job"


class Mount(In, frozen=True, kw_only=True):
    """A folder or file of the machine that a container sees.

    Attributes:
        source: An absolute path on the machine; the job's user must be able to reach it.
        target: An absolute path inside the container, not below /data and /tmp.
        read_only: Whether the container cannot change it.
    """

    source: Argument
    target: Argument
    read_only: bool = False

    def check(self) -> None:
        """Raises FieldError unless both paths are absolute and plain, and the target is not reserved."""
        for field in ("source", "target"):
            path: str = getattr(self, field)
            if not path.startswith("/") or re.search(r"[:,]|(^|/)\.\.(/|$)", path):
                raise FieldError("It must be an absolute path without `..`, `:` and `,`", field)
        if self.target.rstrip("/") in _TAKEN:
            raise FieldError("`/`, `/data` and `/tmp` are taken: mount it elsewhere", "target")


_TAKEN: Final = ("", "/data", "/tmp")  # noqa: S108 - paths inside a container


class ImageOptions(In, frozen=True, kw_only=True):
    """How a component's image is run.

    Attributes:
        pull: When the image is fetched before a run.
        network: The network of its processes.
        read_only: Whether the image's own files cannot be changed.
        user: The user of the processes inside. Outside they always run as the job's user.
        mounts: Further folders and files that they see.
    """

    pull: Pull = Pull.MISSING
    network: Network = Network.HOST
    read_only: bool = False
    user: ImageUser = ImageUser.IMAGE
    mounts: Annotated[list[Mount], Meta(max_length=100)] = []


def image_reference(image: str, tag: str | None) -> str:
    """Return the image's full name: with its digest, its own tag, the component's tag, or `latest`."""
    if has_version(image):
        return image
    return f"{image}:{tag or 'latest'}"


def has_version(image: str) -> bool:
    """Return whether the name itself has a tag or a digest."""
    return "@" in image or ":" in image.rpartition("/")[2]
