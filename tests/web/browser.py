"""A real Chromium, and what each page must be in it."""

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
"""The shell without a user interface, where it is installed: a tab costs it a third of the processor time."""
needs_chromium = pytest.mark.skipif(PROGRAM is None, reason="Chromium is not installed")
WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 320, "height": 640}


@dataclass
class Visit:
    """A page of somebody who has signed in, and all that the browser complained about."""

    page: Any
    web: Web
    complaints: list[str] = field(default_factory=list)

    def go(self, path: str) -> Any:
        """Open a page of the server."""
        return self.page.goto(f"http://{self.web.listen}{path}")

    def click(self, name: str, role: str = "button") -> None:
        """Click what is called so."""
        self.page.get_by_role(role, name=name, exact=True).first.click()

    def fill(self, label: str, text: str) -> None:
        """Write into the field whose label begins so."""
        self.page.get_by_label(label).first.fill(text)

    def text(self, selector: str = "main") -> str:
        """What is read there."""
        read: str = self.page.inner_text(selector)
        return read

    def sees(self, text: str, within: str = "main") -> None:
        """Wait until it is read."""
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
    """A tab; nothing may be complained about in it, but for what a test takes out of `complaints`."""
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
    """The cookies of who has followed the server's URL."""
    context = opened.new_context()
    page = context.new_page()
    page.goto(web.invitation)
    state = context.storage_state()
    context.close()
    return state
