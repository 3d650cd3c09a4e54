"""Pictures of every page of the console, light and dark, at desk and at phone width, over a demo that is running.

    make screenshots        # starts the demo, waits for its customers, writes .screenshots/*.png, ends it

Look at them: what is ugly here is ugly for a planner. `ONLY=stock LANGUAGE=pl` takes fewer, in another language.
"""

import argparse
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, sync_playwright

from api.console.frame import WAYS
from api.demo_store import LABELS, TILL
from tests.e2e.browser import CHROMIUM, settled, sign_in

ROWS = 30_000
BUSY_S = 45.0
"""for the demo's customers, before the first picture"""
SIZES = {"desk": (1360, 900), "phone": (390, 844)}
LOOKS = ("light", "dark")
_LINES = {
    "console": re.compile(r"^planners' console\s+(\S+)"),
    "user": re.compile(r"^sign in as\s+(\w+), password (\S+)"),
    "stock": re.compile(r"^stock of one SKU.*/v1/stock/(\S+)"),
}


def paths(sku: str) -> dict[str, str]:
    """What is taken, by the name of its file."""
    plain = {way.path.strip("/") or "overview": way.path for way in WAYS}
    return {
        **plain,
        "stock-search": "/stock?q=milk",
        "product": f"/stock/{sku}",
        "device-till": f"/devices/{TILL}",
        "device-labels": f"/devices/{LABELS}",
        "report-channel-sales": "/reports/channel_sales?by=week&span=all",
        "report-stock-outs": "/reports/stock_outs?span=7",
        "report-unmet-demand": "/reports/unmet_demand?span=7",
        "report-funnel": "/reports/reservation_funnel?span=all",
    }


def take(
    browser: Browser, console: str, user: str, password: str, sku: str, into: Path, only: str, language: str
) -> int:
    """Every picture; gives how many."""
    taken = 0
    for size, (width, height) in SIZES.items():
        for look in LOOKS:
            context = browser.new_context(viewport={"width": width, "height": height}, locale=language)
            page = context.new_page()
            page.goto(f"{console}/login")
            if "login".startswith(only or "login"):
                page.emulate_media(color_scheme="dark" if look == "dark" else "light")
                page.screenshot(path=into / f"login-{size}-{look}.png")
            sign_in(page, console, user, password)
            page.goto(f"{console}/prefer?look={look}&language={language}")
            for name, path in {**paths(sku), **found_paths(page, console, sku)}.items():
                if only in name:
                    page.goto(console + path)
                    settled(page)
                    page.wait_for_timeout(600)  # charts grow into their places
                    page.screenshot(path=into / f"{name}-{size}-{look}.png", full_page=True)
                    taken += 1
            context.close()
    return taken


def found_paths(page: Page, console: str, sku: str) -> dict[str, str]:
    """Pages that others lead to: a product's first figure explained, jobs of the demo's till, a day of the books."""
    return {
        "books-day": (day := closed_day(page, console)),
        "books-document": led_to(page, f"{console}{day}", f'a[href^="{day}/"]'),
        "explain-cell": led_to(page, f"{console}/stock/{sku}", 'a[href^="/explain/"]'),
        "device-job": led_to(page, f"{console}/devices/{TILL}?state=confirmed", 'a[href*="/jobs/sale-"]'),
        "device-doubt": led_to(page, f"{console}/devices/{TILL}?state=unknown", '[data-testid=jobs] a[href*="/jobs/"]'),
    }


def closed_day(page: Page, console: str) -> str:
    """The newest business day that is over, which is closed here."""
    page.goto(f"{console}/books")
    settled(page)
    path = page.locator('a[href^="/books/"]').nth(1).get_attribute("href") or "/books"
    page.goto(console + path)
    settled(page)
    close = page.locator(".os-page .q-btn")
    if close.count():
        close.click()
        page.locator(".q-dialog .q-btn").last.click()
        page.locator(".os-badge-good").wait_for()
    return path


def led_to(page: Page, address: str, link: str) -> str:
    """Where the first such link of a page leads; the page's own path when it has none."""
    page.goto(address)
    settled(page)
    found = page.locator(link)
    return (found.first.get_attribute("href") if found.count() else None) or urlsplit(address).path


def found_in(demo: "subprocess.Popen[str]") -> dict[str, tuple[str, ...]]:
    """What the demo says of itself, once it says it."""
    assert demo.stdout is not None
    found: dict[str, tuple[str, ...]] = {}
    for line in demo.stdout:
        found |= {name: match.groups() for name, pattern in _LINES.items() if (match := pattern.match(line))}
        if set(found) == set(_LINES):
            return found
    raise SystemExit("the demo did not come up")


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--into", type=Path, default=Path(".screenshots"))
    parser.add_argument("--only", default="", help="only pages whose name holds this")
    parser.add_argument("--language", default="en")
    asked = parser.parse_args()
    if CHROMIUM is None:
        raise SystemExit("chromium is not installed: make system, as root")
    asked.into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="omnistock-pictures-") as data:
        command = [
            sys.executable,
            "-m",
            "api.cli",
            "demo",
            "--port",
            "0",
            "--rows",
            str(ROWS),
            "--data",
            f"{data}/data",
        ]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True) as demo:
            try:
                found = found_in(demo)
                time.sleep(BUSY_S)
                with sync_playwright() as playwright:
                    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
                    (console,), (user, password), (sku,) = found["console"], found["user"], found["stock"]
                    taken = take(browser, console, user, password, sku, asked.into, asked.only, asked.language)
                    browser.close()
            finally:
                demo.send_signal(signal.SIGTERM)
                demo.wait(60)
    sys.stdout.write(f"{taken} pictures in {asked.into}\n")


if __name__ == "__main__":
    main()
