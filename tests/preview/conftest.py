"""Page over a folder of templates."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import web

from bridge.config.packaged import packaged_routes
from bridge.live.snapshot import Snapshot
from bridge.messages.compiling import load_templates
from bridge.preview.app import application
from bridge.preview.files import TemplateFiles
from bridge.routing.routes_file import load_routes

TOKEN = "a-token-of-the-tests"
TITLE = '{% extends "message.j2" %}\n{% block title %}*{{ event.actor | plain }}* pushed{% endblock %}\n'


@pytest.fixture
def files(tmp_path: Path) -> TemplateFiles:
    """Return templates in a folder that holds one custom template."""
    folder = tmp_path / "templates"
    (folder / "gitlab").mkdir(parents=True)
    (folder / "gitlab" / "push.j2").write_text(TITLE, "utf-8")

    def snapshot() -> Snapshot:
        routes = load_routes(packaged_routes())
        return Snapshot(routes, load_templates(folder, routes.people), {}, {}, None, ())

    return TemplateFiles(folder, packaged_routes(), snapshot)


@dataclass(frozen=True)
class Address:
    """Address of the page."""

    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/{TOKEN}/"


@pytest.fixture
async def address(files: TemplateFiles) -> AsyncIterator[Address]:
    """Serve the page on a real socket. It looks at the files forty times a second."""
    app = application(files, files.snapshot(), token=TOKEN, bound="127.0.0.1", poll_seconds=0.025)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield Address(runner.addresses[0][1])
    await runner.cleanup()
