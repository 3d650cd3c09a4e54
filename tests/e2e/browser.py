"""Debian's chromium, driven by Playwright, as a planner uses it. A machine without it skips, and says so."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = next((found for name in ("chromium", "chromium-browser") if (found := shutil.which(name))), None)
WAIT_MS = 60_000


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser without a window."""
    if CHROMIUM is None:
        pytest.skip("chromium is not installed: make system, as root")
    with sync_playwright() as playwright:
        # Root has no sandbox; what is opened here are our own pages only.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        try:
            yield browser
        finally:
            browser.close()


def sign_in(page: Page, console: str, name: str, password: str) -> None:
    """Through the form."""
    page.goto(f"{console}/login")
    page.fill("#name", name)
    page.fill("#password", password)
    page.click("button[type=submit]")


def settled(page: Page) -> None:
    """Every part of the page has its figures."""
    page.wait_for_selector(".os-title", timeout=WAIT_MS)
    page.wait_for_function("!document.querySelector('[aria-busy=true]')", timeout=WAIT_MS)
