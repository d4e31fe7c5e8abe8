"""`bridge preview`."""

import asyncio
import logging
import os
import secrets
import signal
import sys
import webbrowser
from pathlib import Path
from urllib.parse import quote

from aiohttp import web
from rich.text import Text

from bridge.cli.errors import out, refuse
from bridge.cli.loading import settings_or_end, without_secrets
from bridge.config.errors import ConfigurationError, suggestion
from bridge.config.settings import Settings
from bridge.live.snapshot import Snapshot
from bridge.preview.app import application
from bridge.preview.files import TemplateFiles
from bridge.samples import samples
from bridge.web.aiohttp_internals import HttpProcessingError


def preview(event: str | None, *, host: str, port: int, browser: bool) -> None:
    """Serve the page until Ctrl C. End with status 2 if the configuration is invalid or the address is in use."""
    settings = settings_or_end()
    if event is not None and event not in samples():
        refuse([f"there is no sample {event!r} ({suggestion(event, samples(), 'docs/events.md lists the samples')})"])
    try:
        snapshot = without_secrets(settings)
    except ConfigurationError as error:
        refuse(error.diagnostics)
    try:
        asyncio.run(_serve(settings, snapshot, event, host, port, browser))
    except OSError as error:
        refuse([f"cannot listen on {host}:{port} ({error.strerror or error}): use another --port, or --port 0"])
    except KeyboardInterrupt:
        pass


async def _serve(
    settings: Settings, snapshot: Snapshot, event: str | None, host: str, port: int, browser: bool
) -> None:
    token = secrets.token_urlsafe(18)
    logging.getLogger("aiohttp.server").addFilter(_is_own_error)
    files = TemplateFiles(
        settings.templates_folder or Path("templates"), settings.routes_file, lambda: without_secrets(settings)
    )
    runner = web.AppRunner(application(files, snapshot, token=token, bound=host), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        number = runner.addresses[0][1]
        name = "localhost" if host in ("127.0.0.1", "::1", "0.0.0.0", "::", "") else host  # noqa: S104 - compared, not bound
        address = f"http://{f'[{name}]' if ':' in name else name}:{number}/{token}/" + (
            f"#{quote(event, safe='/')}" if event else ""
        )
        console = out()
        console.print(Text("preview ", "bold").append(address, f"cyan link {address}"))
        new = "" if files.folder.is_dir() else " (created by the first save)"
        console.print(f"edits   {files.folder.resolve()}{new}")
        console.print("stop    Ctrl C")
        sys.stdout.flush()
        if browser and _has_screen():
            await asyncio.to_thread(webbrowser.open, address)
        await _wait_for_signal()
    finally:
        await runner.cleanup()


def _is_own_error(record: logging.LogRecord) -> bool:
    """Return False for errors caused by invalid HTTP, e.g. from a browser that tries https."""
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


async def _wait_for_signal() -> None:
    stop, loop, signals = asyncio.Event(), asyncio.get_running_loop(), (signal.SIGINT, signal.SIGTERM)
    for number in signals:
        loop.add_signal_handler(number, stop.set)
    await stop.wait()
    for number in signals:  # a second signal ends the process at once, without waiting for a running check
        loop.remove_signal_handler(number)


def _has_screen() -> bool:
    """Return whether a browser can open a window. Without one, some browsers take over the terminal."""
    if not sys.stdout.isatty():
        return False
    return sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
