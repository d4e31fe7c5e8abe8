"""Preview page over HTTP: on loopback, with a token in the URL, and a policy against script in payloads."""

import asyncio
import hmac
import ipaddress
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from importlib.resources import files as resources
from urllib.parse import urlsplit

from aiohttp import web

from bridge.live.snapshot import Snapshot
from bridge.messages.html import slack_css
from bridge.preview import session
from bridge.preview.files import TemplateFiles, TemplateWriteError, UnreadableTemplateError, fingerprint
from bridge.preview.session import Json, PreviewRequest, RefusedError

MAX_BODY = 4 * 1024 * 1024
"""Bytes of a request: a template and a recorded payload."""
POLL_SECONDS = 0.3
"""Interval of the checks for changed files."""
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",  # the token is in the address
    "X-Content-Type-Options": "nosniff",
}
_TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript"}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def is_own_host(host: str, bound: str) -> bool:
    """Return whether a Host header names this page: the bound name or loopback, with any port.

    This refuses DNS rebinding: a foreign page with a host name that resolves to this address sends its own name.
    """
    try:
        name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return False
    if name in ("localhost", bound.lower().strip("[]").rstrip(".")) and name:
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def application(
    files: TemplateFiles, snapshot: Snapshot, *, token: str, bound: str, poll_seconds: float = POLL_SECONDS
) -> web.Application:
    """Build the page's application. ``token`` starts every path, ``bound`` is the listen address."""
    page = _Page(files, snapshot, token, bound, poll_seconds)
    app = web.Application(middlewares=[page.guard], client_max_size=MAX_BODY)
    app.router.add_get("/{token}/", page.static("page.html"))
    for name in ("page.css", "page.js"):
        app.router.add_get(f"/{{token}}/{name}", page.static(name))
    app.router.add_get("/{token}/slack.css", page.slack_css)
    app.router.add_get("/{token}/events", page.events)
    app.router.add_get("/{token}/changes", page.changes)
    app.router.add_post("/{token}/render", page.render)
    app.router.add_post("/{token}/check", page.check)
    app.router.add_post("/{token}/save", page.save)
    app.cleanup_ctx.append(page.watch_files)
    app.on_shutdown.append(page.stop)
    return app


class _Page:
    """State of the handlers: the configuration in force, and the streams that wait for its next change."""

    def __init__(self, files: TemplateFiles, snapshot: Snapshot, token: str, bound: str, poll_seconds: float) -> None:
        self._files, self._snapshot, self._token, self._bound = files, snapshot, token, bound
        self._poll_seconds = poll_seconds
        self._errors = session.errors_of_words(snapshot)
        self._state = files.state()
        self._rendering, self._checking, self._writing, self._reading = (asyncio.Lock() for _ in range(4))
        self._changed = asyncio.Condition()
        self._version = 0
        self._stopping = False

    @web.middleware
    async def guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refuse requests for another host name, without the token, or from another page."""
        try:
            if not is_own_host(request.headers.get("Host", ""), self._bound):
                raise web.HTTPForbidden(text="Open this page as localhost, or by the name given with --host.")
            if not self._token_matches(request.match_info.get("token", "")):
                raise web.HTTPNotFound(text="Not found. Open the complete address printed by `bridge preview`.")
            if request.method == "POST":
                origin = request.headers.get("Origin")
                if origin is not None and not is_own_host(origin.partition("://")[2], self._bound):
                    raise web.HTTPForbidden(text="This request came from another page.")
            response = await handler(request)
        except web.HTTPException as error:
            response = web.Response(status=error.status, text=error.text)
        except ConnectionError:  # the browser cancels a request when it sends a newer one
            response = web.Response(status=400)
        except UnreadableTemplateError as error:
            response = _json_response({"refused": f"not saved: {error}"}, 422)
        except (RefusedError, TemplateWriteError) as error:
            response = _json_response({"refused": str(error)}, 422)
        if not response.prepared:
            response.headers.update(HEADERS)
        return response

    def _token_matches(self, token: str) -> bool:
        return hmac.compare_digest(token.encode("utf-8", "surrogateescape"), self._token.encode())

    def static(self, name: str) -> Handler:
        """Return a handler for a packaged file."""
        text = (resources("bridge.preview") / name).read_text("utf-8")

        async def handle(_: web.Request) -> web.StreamResponse:
            return web.Response(text=text, content_type=_TYPES[name.rpartition(".")[2]])

        return handle

    async def slack_css(self, _: web.Request) -> web.StreamResponse:
        """Serve the style sheet of messages."""
        return web.Response(text=slack_css(), content_type="text/css")

    async def events(self, _: web.Request) -> web.StreamResponse:
        """List the sample events."""
        return _json_response({"events": await asyncio.to_thread(session.list_events, self._snapshot)})

    async def render(self, request: web.Request) -> web.StreamResponse:
        """Render one message."""
        preview = await _preview_request(request)
        async with _in_turn(self._rendering, request):
            rendered = await asyncio.to_thread(
                session.render_message, preview, self._snapshot, self._files, time.time()
            )
        return _json_response({**rendered, "configuration": self._errors})

    async def check(self, request: web.Request) -> web.StreamResponse:
        """Check the file in the editor."""
        preview = await _preview_request(request)
        async with _in_turn(self._checking, request):
            findings = await asyncio.to_thread(session.check_file, preview, self._snapshot)
        return _json_response({"findings": session.as_json(findings)})

    async def save(self, request: web.Request) -> web.StreamResponse:
        """Write the file in the editor, unless the check finds errors or the file changed on disk since it was read."""
        data = await _json_object(request)
        preview = PreviewRequest.of(data)
        if preview.text is None or not preview.file:
            raise RefusedError("file and text are required")
        if errors := await asyncio.to_thread(session.new_errors, preview, self._snapshot):
            return _json_response(
                {"refused": "not saved: the check finds errors", "findings": session.as_json(errors)}, 422
            )
        async with self._writing:  # of two tabs that save at once, only one wins
            on_disk = await asyncio.to_thread(self._files.text, preview.file)
            if fingerprint(on_disk) not in (data.get("saved"), fingerprint(preview.text)):
                return _json_response(
                    {"refused": "not saved: the file has changed on disk since it was read here"}, 409
                )
            await asyncio.to_thread(self._files.write, preview.file, preview.text)
        await self._reload()
        return _json_response({"saved": fingerprint(preview.text), "path": self._files.path_of(preview.file)})

    async def changes(self, request: web.Request) -> web.StreamResponse:
        """Stream one line for each change of the files."""
        stream = web.StreamResponse(headers={**HEADERS, "Content-Type": "text/event-stream"})
        await stream.prepare(request)
        version, line = self._version, b": connected\n\n"
        while not self._stopping:
            await stream.write(line)
            try:
                async with asyncio.timeout(15), self._changed:
                    await self._changed.wait_for(partial(self._has_changed, version))
                version = self._version
                line = b"data: changed\n\n"
            except TimeoutError:
                line = b": ping\n\n"  # fails if the client is gone
        return stream

    def _has_changed(self, known: int) -> bool:
        return self._version != known or self._stopping

    async def watch_files(self, _: web.Application) -> AsyncIterator[None]:
        """Poll the files while the page is served."""
        task = asyncio.create_task(self._poll())
        yield
        task.cancel()

    async def stop(self, _: web.Application) -> None:
        """End the streams: they have no end of their own."""
        self._stopping = True
        async with self._changed:
            self._changed.notify_all()

    async def _poll(self) -> None:
        while True:
            await self._reload()
            await asyncio.sleep(self._poll_seconds)

    async def _reload(self) -> None:
        async with self._reading:  # otherwise an older reading could replace a newer one
            state = await asyncio.to_thread(self._files.state)
            if state == self._state:
                return
            self._state = state
            self._snapshot, self._errors = await asyncio.to_thread(session.reload, self._files, self._snapshot)
        async with self._changed:
            self._version += 1
            self._changed.notify_all()


@asynccontextmanager
async def _in_turn(lock: asyncio.Lock, request: web.Request) -> AsyncIterator[None]:
    """Wait for the lock, and refuse a request whose client is gone: only the newest request of a typing user counts."""
    async with lock:
        if request.transport is None or request.transport.is_closing():
            raise RefusedError("the client has closed the connection")
        yield


async def _preview_request(request: web.Request) -> PreviewRequest:
    return PreviewRequest.of(await _json_object(request))


async def _json_object(request: web.Request) -> Mapping[str, object]:
    if request.content_type != "application/json":
        raise RefusedError("send JSON")
    try:
        data = json.loads(await request.read())
    except (ValueError, RecursionError):
        raise RefusedError("this is not JSON") from None
    if not isinstance(data, dict):
        raise RefusedError("send a JSON object")
    return data


def _json_response(data: Json, status: int = 200) -> web.Response:
    return web.json_response(data, status=status)
