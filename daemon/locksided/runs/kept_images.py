"""The images of a run, kept in its folder when they are found: all its steps and its result have the same."""

from collections.abc import Mapping

import msgspec

from locksided.runs.folder import RunFolder
from locksided.runs.image_run import Image


def keep_images(folder: RunFolder, images: Mapping[str, Image]) -> None:
    """Keep the images of a run that begins, by their references. Raises OSError."""
    with open(folder.images, "wb") as file:
        file.write(msgspec.json.encode(images))


def kept_images(folder: RunFolder) -> dict[str, Image]:
    """The images of a run; empty before it has begun."""
    try:
        with open(folder.images, "rb") as file:
            return msgspec.json.decode(file.read(), type=dict[str, Image])
    except FileNotFoundError:
        return {}
