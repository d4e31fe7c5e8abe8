"""The page over HTTP: loopback, a token in the URL, and a policy under which no payload's text can run as script."""

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
from bridge.preview.files import Files, NotTextError, NotWrittenError, fingerprint
from bridge.preview.session import Asked, Json, RefusedError

MAX_BODY = 4 * 1024 * 1024
"""Bytes of what the page sends: a template and a recorded payload."""
LOOK_AGAIN = 0.3
"""Seconds between two looks at the files."""
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


def is_ours(host: str, bound: str) -> bool:
    """Whether a Host header names this page: the bound name or loopback, whatever the port. A page of somebody else,
    whose name was made to lead here, is told by its own name."""
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
    files: Files, snapshot: Snapshot, *, token: str, bound: str, again: float = LOOK_AGAIN
) -> web.Application:
    """The page's application. ``token`` is the first step of every path; ``bound`` is the name that is listened on;
    ``again`` are the seconds between two looks at the files."""
    page = _Page(files, snapshot, token, bound, again)
    app = web.Application(middlewares=[page.guard], client_max_size=MAX_BODY)
    app.router.add_get("/{token}/", page.static("page.html"))
    for name in ("page.css", "page.js"):
        app.router.add_get(f"/{{token}}/{name}", page.static(name))
    app.router.add_get("/{token}/slack.css", page.slack_css)
    app.router.add_get("/{token}/events", page.events)
    app.router.add_get("/{token}/changes", page.changes)
    app.router.add_post("/{token}/look", page.look)
    app.router.add_post("/{token}/check", page.check)
    app.router.add_post("/{token}/save", page.save)
    app.cleanup_ctx.append(page.watching)
    app.on_shutdown.append(page.stop)
    return app


class _Page:
    """What the handlers share: the configuration in force, and who waits for a change of it."""

    def __init__(self, files: Files, snapshot: Snapshot, token: str, bound: str, again: float) -> None:
        self._files, self._snapshot, self._token, self._bound, self._again = files, snapshot, token, bound, again
        self._errors: list[Json] = []
        self._state = files.state()
        self._looking, self._checking, self._writing, self._reading = (asyncio.Lock() for _ in range(4))
        self._changed = asyncio.Condition()
        self._number = 0
        self._stopping = False

    @web.middleware
    async def guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Every request comes under our own name, with the token, and from our own page."""
        try:
            if not is_ours(request.headers.get("Host", ""), self._bound):
                raise web.HTTPForbidden(text="Call this page by the name given with --host, or as localhost.")
            if not self._knows(request.match_info.get("token", "")):
                raise web.HTTPNotFound(text="Not here. Take the whole address that `bridge preview` printed.")
            if request.method == "POST":
                origin = request.headers.get("Origin")
                if origin is not None and not is_ours(origin.partition("://")[2], self._bound):
                    raise web.HTTPForbidden(text="This came from another page.")
            response = await handler(request)
        except web.HTTPException as error:
            response = web.Response(status=error.status, text=error.text)
        except ConnectionError:  # a browser gives up what it has asked once it asks anew
            response = web.Response(status=400)
        except NotTextError as error:
            response = _answer({"refused": f"not saved: {error}"}, 422)
        except (RefusedError, NotWrittenError) as error:
            response = _answer({"refused": str(error)}, 422)
        if not response.prepared:
            response.headers.update(HEADERS)
        return response

    def _knows(self, token: str) -> bool:
        return hmac.compare_digest(token.encode("utf-8", "surrogateescape"), self._token.encode())

    def static(self, name: str) -> Handler:
        """A handler for a file that comes with the program."""
        text = (resources("bridge.preview") / name).read_text("utf-8")

        async def handle(_: web.Request) -> web.StreamResponse:
            return web.Response(text=text, content_type=_TYPES[name.rpartition(".")[2]])

        return handle

    async def slack_css(self, _: web.Request) -> web.StreamResponse:
        """The look of messages."""
        return web.Response(text=slack_css(), content_type="text/css")

    async def events(self, _: web.Request) -> web.StreamResponse:
        """Every event that can be tried."""
        return _answer({"events": await asyncio.to_thread(session.listed, self._snapshot)})

    async def look(self, request: web.Request) -> web.StreamResponse:
        """One message, drawn."""
        asked = await _asked(request)
        async with _turn(self._looking, request):
            seen = await asyncio.to_thread(session.look, asked, self._snapshot, self._files, time.time())
        return _answer({**seen, "configuration": self._errors})

    async def check(self, request: web.Request) -> web.StreamResponse:
        """What the contract check says of the editor's file."""
        asked = await _asked(request)
        async with _turn(self._checking, request):
            findings = await asyncio.to_thread(session.examine, asked, self._snapshot)
        return _answer({"findings": session.as_json(findings)})

    async def save(self, request: web.Request) -> web.StreamResponse:
        """Write the editor's file, unless the check finds errors in it, or the disk holds another than was read."""
        data = await _object(request)
        asked = Asked.of(data)
        if asked.text is None or not asked.file:
            raise RefusedError("name the file and its text")
        if errors := await asyncio.to_thread(session.new_errors, asked, self._snapshot):
            return _answer({"refused": "not saved: the check finds errors", "findings": session.as_json(errors)}, 422)
        async with self._writing:  # two tabs cannot both find the disk as they left it
            on_disk = await asyncio.to_thread(self._files.text, asked.file)
            if fingerprint(on_disk) not in (data.get("saved"), fingerprint(asked.text)):
                return _answer({"refused": "not saved: the file has changed on disk since it was read here"}, 409)
            await asyncio.to_thread(self._files.write, asked.file, asked.text)
        await self._reload()
        return _answer({"saved": fingerprint(asked.text), "path": self._files.shown(asked.file)})

    async def changes(self, request: web.Request) -> web.StreamResponse:
        """A stream that says when the files have changed: one line for each time."""
        stream = web.StreamResponse(headers={**HEADERS, "Content-Type": "text/event-stream"})
        await stream.prepare(request)
        number, line = self._number, b": at your service\n\n"
        while not self._stopping:
            await stream.write(line)
            try:
                async with asyncio.timeout(15), self._changed:
                    await self._changed.wait_for(partial(self._has_news, number))
                number = self._number
                line = b"data: changed\n\n"
            except TimeoutError:
                line = b": still here\n\n"  # finds out whether somebody is
        return stream

    def _has_news(self, known: int) -> bool:
        return self._number != known or self._stopping

    async def watching(self, _: web.Application) -> AsyncIterator[None]:
        """Look at the files again and again while the page is served."""
        task = asyncio.create_task(self._watch())
        yield
        task.cancel()

    async def stop(self, _: web.Application) -> None:
        """End the streams, which would go on for ever."""
        self._stopping = True
        async with self._changed:
            self._changed.notify_all()

    async def _watch(self) -> None:
        while True:
            await self._reload()
            await asyncio.sleep(self._again)

    async def _reload(self) -> None:
        async with self._reading:  # else what was read first could be kept last
            state = await asyncio.to_thread(self._files.state)
            if state == self._state:
                return
            self._state = state
            self._snapshot, self._errors = await asyncio.to_thread(session.reload, self._files, self._snapshot)
        async with self._changed:
            self._number += 1
            self._changed.notify_all()


@asynccontextmanager
async def _turn(lock: asyncio.Lock, request: web.Request) -> AsyncIterator[None]:
    """One at a time, and none for who has left: a page asks anew at each word that is typed, and waits for the last."""
    async with lock:
        if request.transport is None or request.transport.is_closing():
            raise RefusedError("nobody waits for this any more")
        yield


async def _asked(request: web.Request) -> Asked:
    return Asked.of(await _object(request))


async def _object(request: web.Request) -> Mapping[str, object]:
    if request.content_type != "application/json":
        raise RefusedError("send JSON")
    try:
        data = json.loads(await request.read())
    except (ValueError, RecursionError):
        raise RefusedError("this is no JSON") from None
    if not isinstance(data, dict):
        raise RefusedError("send a JSON object")
    return data


def _answer(data: Json, status: int = 200) -> web.Response:
    return web.json_response(data, status=status)
