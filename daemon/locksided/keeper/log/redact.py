"""Redacts secrets in a stream of bytes, even if a secret is split between two reads.

The caller provides the secrets.
"""

import base64
import json
import re

HIDDEN = b"[hidden]"
MIN_SECRET_CHARACTERS = 4
MIN_EMBEDDED_CHARACTERS = 8


def forms(secret: str) -> set[bytes]:
    """Return the spellings of a secret in output: plain, JSON-escaped, base64 (alone or inside a longer
    text).
    """
    plain = secret.encode("utf-8", "surrogatepass")
    escaped = json.dumps(secret)[1:-1]
    texts = {
        escaped.encode(),
        escaped.replace("/", "\\/").encode(),
        json.dumps(secret, ensure_ascii=False)[1:-1].encode("utf-8", "surrogatepass"),
    }
    encoded = {base64.b64encode(plain), base64.b64encode(plain).rstrip(b"="), *_embedded_base64(plain)}
    return {plain} | texts | encoded | {form.translate(_URL_SAFE) for form in encoded}


_URL_SAFE = bytes.maketrans(b"+/", b"-_")


def _embedded_base64(plain: bytes) -> list[bytes]:
    """Return the base64 characters that depend only on the secret, for each of the three alignments."""
    found = []
    for before in range(3):
        whole = base64.b64encode(bytes(before) + plain)
        first = (before * 8 + 5) // 6
        core = whole[first : (before + len(plain)) * 8 // 6]
        if len(core) >= MIN_EMBEDDED_CHARACTERS:
            found.append(core)
    return found


class Redactor:
    """Replaces secrets in a stream; holds back an end that may be the beginning of one."""

    __slots__ = ("_forms", "_held", "_longest", "_pattern")

    def __init__(self, secrets: list[str]) -> None:
        spellings = {f for s in secrets if len(s) >= MIN_SECRET_CHARACTERS for f in forms(s)}
        self._forms = sorted(spellings, key=lambda form: (-len(form), form))
        self._longest = len(self._forms[0]) if self._forms else 0
        self._pattern = re.compile(b"|".join(map(re.escape, self._forms)))
        self._held = b""

    def fork(self) -> "Redactor":
        """Return a redactor of the same secrets for another stream."""
        if not self._forms:
            return self  # it holds nothing back
        other = Redactor.__new__(Redactor)
        other._forms, other._longest, other._pattern = self._forms, self._longest, self._pattern
        other._held = b""
        return other

    def feed(self, data: bytes) -> bytes:
        """Add data and return what can be shown."""
        if not self._forms:
            return data
        if self._held:
            data = self._held + data
        held_from = self._suspicious_end(data)
        if not any(form in data for form in self._forms):
            shown, self._held = data[:held_from], data[held_from:]
            return shown
        return self._hide(data, held_from)

    def finish(self) -> bytes:
        """Return what was held back: the stream has ended, so it is either no secret or a complete one."""
        data, self._held = self._held, b""
        return self.hide(data)

    def hide(self, data: bytes) -> bytes:
        """Replace the secrets in a complete text."""
        return self._pattern.sub(HIDDEN, data) if self._forms else data

    def _hide(self, data: bytes, held_from: int) -> bytes:
        shown: list[bytes] = []
        position = 0
        for match in self._pattern.finditer(data):
            if match.start() >= held_from:
                break
            shown += (data[position : match.start()], HIDDEN)
            position = match.end()
        held_from = max(held_from, position)
        shown.append(data[position:held_from])
        self._held = data[held_from:]
        return b"".join(shown)

    def _suspicious_end(self, data: bytes) -> int:
        """Return where the longest end of `data` begins that could become a secret."""
        earliest = len(data)
        for form in self._forms:
            at = data.find(form[:1], max(0, len(data) - len(form) + 1), earliest)
            while at >= 0:
                if form.startswith(data[at:]):
                    earliest = at
                    break
                at = data.find(form[:1], at + 1, earliest)
        return earliest
