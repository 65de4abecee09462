"""Which texts of a configuration are secret: the values of keys that begin with `#`.

Hiding them in output is the keeper's work, before anything reaches the disk.
"""

from collections.abc import Iterable, Iterator, Mapping

_LEAST_CHARACTERS = 4


def secret_values(documents: Iterable[object]) -> list[str]:
    """Each secret text of 4 characters or more once, longest first, so that none is hidden in part."""
    found = {
        text
        for document in documents
        if document
        for text in _secrets(document, False)
        if len(text) >= _LEAST_CHARACTERS
    }
    return sorted(found, key=lambda text: (-len(text), text))


def _secrets(document: object, is_secret: bool) -> Iterator[str]:
    match document:
        case Mapping():
            for key, value in document.items():
                yield from _secrets(value, is_secret or str(key).startswith("#"))
        case list() | tuple():
            for value in document:
                yield from _secrets(value, is_secret)
        case str() if is_secret:
            yield document
        case int() | float() if is_secret and not isinstance(document, bool):
            yield str(document)
