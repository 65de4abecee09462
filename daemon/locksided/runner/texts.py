"""Texts for people, kept short."""

MAX_MESSAGE_CHARACTERS = 4096
_TRIMMED = "[trimmed]"


def cut(text: str, limit: int = MAX_MESSAGE_CHARACTERS) -> str:
    """The text, its end replaced by "[trimmed]" when it is too long."""
    clean = text.encode("utf-8", "replace").decode()
    return clean if len(clean) <= limit else clean[: limit - len(_TRIMMED)] + _TRIMMED
