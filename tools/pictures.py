"""Draw the pictures of the docs with Chromium: docs/messages.png and docs/preview.png.

``python -m tools.pictures``, after a change of what they show. It needs Chromium and a font with emoji (on Debian:
``apt-get install chromium fonts-noto-color-emoji``). The pictures differ a little with each machine's fonts, so no test
compares them.
"""

import asyncio
import contextlib
import os
import shutil
import tempfile
from datetime import UTC
from pathlib import Path

from aiohttp import web
from markupsafe import Markup
from playwright.async_api import Browser, async_playwright

from bridge.config.packaged import packaged_routes, packaged_templates
from bridge.live.snapshot import Snapshot
from bridge.messages.compiling import load_templates
from bridge.messages.html import slack_css, to_html
from bridge.messages.render import render
from bridge.messages.templates import read_templates
from bridge.preview.app import application
from bridge.preview.files import TemplateFiles
from bridge.routing.routes_file import load_routes
from bridge.samples import SAMPLE_TIME, sample_event, samples

DOCS = Path(__file__).parents[1] / "docs"
SHOWN = ("gitlab/pipeline.failed", "stripe/charge.failed", "shopify/orders/create", "twilio/message.undelivered")
"""The samples of docs/messages.png."""
PAGE = """body { margin: 0; background: #f0f0f2; padding: 16px; }
main { display: grid; grid-template-columns: 1fr 1fr; gap: 12px; align-items: start; }
.slack-message { border: 1px solid #d5d5d8; border-radius: 8px; }"""
FILE = "gitlab/pipeline.j2"
MISTAKE = ("payload.project.web_url", "payload.projct.web_url")
"""What docs/preview.png shows at its line."""
_TOKEN = "picture"  # noqa: S105 - of a page that lives for seconds


async def draw_messages(browser: Browser) -> None:
    """Draw docs/messages.png: four messages as Slack shows them."""
    templates = read_templates(None, {})
    drawn = []
    for name in SHOWN:
        sample = samples()[name]
        message = render(sample_event(sample, sample.provider, SAMPLE_TIME), templates).message
        assert message is not None, name
        drawn.append(to_html(message, UTC))
    page = await browser.new_page(viewport={"width": 1180, "height": 400}, device_scale_factor=1.5)
    style = Markup("<style>{}</style>").format(Markup(slack_css() + PAGE))  # noqa: S704 - our own files
    await page.set_content(Markup("{}<main>{}</main>").format(style, Markup("").join(drawn)))
    await page.screenshot(path=DOCS / "messages.png", full_page=True)


async def draw_preview(browser: Browser) -> None:
    """Draw docs/preview.png: the page of `bridge preview` over a template with a mistake, in the working directory."""
    folder = Path("templates")
    text = (packaged_templates() / FILE).read_text("utf-8")
    assert MISTAKE[0] in text
    path = folder / FILE
    path.parent.mkdir(parents=True)
    path.write_text(text.replace(*MISTAKE, 1), "utf-8")

    def snapshot() -> Snapshot:
        routes = load_routes(packaged_routes())
        return Snapshot(routes, load_templates(folder, routes.people), {}, {}, None, ())

    files = TemplateFiles(folder, packaged_routes(), snapshot)
    app = application(files, snapshot(), token=_TOKEN, bound="127.0.0.1", poll_seconds=1.0)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        page = await browser.new_page(viewport={"width": 1400, "height": 900})
        await page.goto(f"http://127.0.0.1:{runner.addresses[0][1]}/{_TOKEN}/#gitlab/pipeline.failed")
        await page.locator("#problems button").first.wait_for()
        await page.screenshot(path=DOCS / "preview.png")
    finally:
        await runner.cleanup()


async def main() -> None:
    """Draw both."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    sandbox = [] if os.getuid() else ["--no-sandbox"]  # Chromium's own does not work for root
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=sandbox)
        await draw_messages(browser)
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            await draw_preview(browser)
        await browser.close()


if __name__ == "__main__":
    asyncio.run(main())
