"""Full stops of messages."""


def ended(text: str) -> str:
    """Return the text with a full stop, unless it ends with a mark already, as 'did you mean …?' does."""
    return text if text.endswith((".", "?", "!", ":")) else f"{text}."
