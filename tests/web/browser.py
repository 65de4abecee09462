"""A real Chromium, and what must hold of each page in it."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from web.webserver import Web

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
PROGRAM = next(
    filter(None, map(shutil.which, ("chromium-headless-shell", "chromium", "chromium-browser"))), None
)
"""The shell without a user interface, if installed: a tab then takes a third of the processor time."""
needs_chromium = pytest.mark.skipif(PROGRAM is None, reason="Chromium is not installed")
WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 320, "height": 640}


@dataclass
class Visit:
    """A tab of a signed-in user, and everything that the browser complained about."""

    page: Any
    web: Web
    complaints: list[str] = field(default_factory=list)

    def go(self, path: str) -> Any:
        """Open a page of the server."""
        return self.page.goto(f"http://{self.web.listen}{path}")

    def click(self, name: str, role: str = "button") -> None:
        """Click the element with this name."""
        self.page.get_by_role(role, name=name, exact=True).first.click()

    def fill(self, label: str, text: str) -> None:
        """Fill in the field whose label begins with this text."""
        self.page.get_by_label(label).first.fill(text)

    def text(self, selector: str = "main") -> str:
        """Return the text of an element."""
        read: str = self.page.inner_text(selector)
        return read

    def sees(self, text: str, within: str = "main") -> None:
        """Wait until a text is visible."""
        self.page.locator(within).get_by_text(text).first.wait_for(timeout=15_000)


@contextmanager
def browser() -> Iterator[Any]:
    """A browser without a screen."""
    with playwright.sync_playwright() as running:
        try:
            opened = running.chromium.launch(executable_path=PROGRAM, args=["--no-sandbox"])
        except playwright.Error as problem:
            pytest.skip(f"Chromium does not run here: {problem}")
        yield opened
        opened.close()


@contextmanager
def visiting(opened: Any, web: Web, state: Any, **options: Any) -> Iterator[Visit]:
    """A tab; the browser must not complain about anything except what a test removes from `complaints`."""
    context = opened.new_context(**({"storage_state": state, "viewport": WIDE} | options))
    visit = Visit(context.new_page(), web)
    visit.page.on("console", lambda one: visit.complaints.append(one.text) if one.type == "error" else None)
    visit.page.on("pageerror", lambda one: visit.complaints.append(str(one)))
    try:
        yield visit
        assert not visit.complaints, visit.complaints
    finally:
        context.close()


def signed_in(opened: Any, web: Web) -> Any:
    """The cookies of a user who has followed the server's URL."""
    context = opened.new_context()
    page = context.new_page()
    page.goto(web.invitation)
    state = context.storage_state()
    context.close()
    return state
