"""Documents kept as JSON texts: many of them cost no more memory than their texts."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

import msgspec

K = TypeVar("K")

_decode = msgspec.json.Decoder().decode


class LazyDocuments(Mapping[K, dict[str, Any]]):
    """A mapping to documents, each decoded anew whenever it is looked at."""

    def __init__(self, texts: Mapping[K, bytes]) -> None:
        self.texts = texts

    def __getitem__(self, key: K) -> dict[str, Any]:
        document: dict[str, Any] = _decode(self.texts[key])
        return document

    def __iter__(self) -> Iterator[K]:
        return iter(self.texts)

    def __len__(self) -> int:
        return len(self.texts)

    def __contains__(self, key: object) -> bool:
        return key in self.texts
