"""Chromium for the tests of pages. These tests are skipped on machines without it."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Page, async_playwright

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
needs_chromium = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium is installed here (on Debian: apt-get install chromium)"
)
_QUIET = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]


@asynccontextmanager
async def opened(url: str, *expected: str) -> AsyncIterator[Page]:
    """Open a page in a new browser.

    At its end, the console may contain only errors that are ``expected``, and answers that refuse to save.
    """
    errors: list[str] = []
    async with async_playwright() as playwright:
        # Chromium's own sandbox does not work for root, as in a container.
        sandbox = [] if os.getuid() else ["--no-sandbox"]
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=[*_QUIET, *sandbox])
        try:
            page = await browser.new_page(viewport={"width": 1400, "height": 1000})
            page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
            page.on("pageerror", lambda error: errors.append(str(error)))
            page.on("dialog", lambda dialog: errors.append(f"a dialog: {dialog.message}"))
            await page.goto(url)
            yield page
        finally:
            await browser.close()
    known = ("status of 422", "status of 409", *expected)
    assert [line for line in errors if not any(part in line for part in known)] == []
