"""`bridge events show`: print the complete record of one event."""

import json
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import humanize
import typer
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.segment import Segment
from rich.text import Text

from bridge.cli.errors import NO, complain, out, refuse
from bridge.cli.event_list import STYLES, as_json, in_store, reasons
from bridge.cli.explain import route_verdict
from bridge.cli.loading import settings_or_end
from bridge.cli.time_args import iso_time, local_time
from bridge.config.errors import ConfigurationError
from bridge.config.settings import Settings
from bridge.core.payload import clean, list_at, map_at, text_at
from bridge.core.states import DeliveryState, OutcomeKind
from bridge.events import Event, Request
from bridge.messages import Message
from bridge.messages.terminal import show
from bridge.routing.decide import Decision, decide
from bridge.routing.routes_file import load_routes
from bridge.sources import line_of
from bridge.sources.stored_event import with_payload
from bridge.store import Attempt, DedupeKey, DeliveryHistory, EventHistory, EventLog

INDENT = "    "
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class Indented:
    """Indent something, without spaces at the ends of its lines."""

    inner: RenderableType

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        narrower = options.update_width(max(options.max_width - len(INDENT), 1))
        for line in console.render_lines(self.inner, narrower, pad=False):
            yield Segment(INDENT)
            yield from line
            yield Segment.line()


def event_history(name: str, *, as_object: bool, body: bool) -> None:
    """Print the record of an event, and today's routing decision. Status 1 for an unknown name."""
    settings = settings_or_end()

    async def work(store: EventLog) -> EventHistory:
        return await _found(store, name)

    history = in_store(settings, work)
    decision = _today(with_payload(history.event, history.request, history.part), settings)
    if as_object:
        typer.echo(json.dumps(_as_json(history, decision, body=body), indent=2, ensure_ascii=False))
    else:
        _print(history, decision, body=body, now=time.time())


async def named(store: EventLog, name: str) -> str:
    """Return the id of the event with a name. End the command for none, or for several."""
    ids = await store.events_named(name)
    if not ids:
        complain(
            [f"no event or delivery is called {clean(name, 80)!r}: `bridge events` lists them; old ones are pruned"]
        )
        raise typer.Exit(NO)
    if len(ids) > 1:
        refuse(
            [f"{clean(name, 80)!r} could be {' or '.join(ids[:2])}{' or others' * (len(ids) > 2)}: write more of it"]
        )
    return ids[0]


def message_of(body: Mapping[str, object]) -> Message:
    """Return a message as it was posted."""
    blocks, attachments = ([map_at(part) for part in list_at(body, name)] for name in ("blocks", "attachments"))
    return Message(text_at(body, "text"), blocks, attachments)


async def _found(store: EventLog, name: str) -> EventHistory:
    found = await store.event_history(await named(store, name))
    if found is None:
        complain([f"{clean(name, 80)!r} was pruned just now"])
        raise typer.Exit(NO)
    return found


def _today(event: Event, settings: Settings) -> Decision | None:
    """Return the decision by today's routes; None if they cannot be read."""
    try:
        return decide(event, load_routes(settings.routes_file))
    except ConfigurationError as error:
        complain(error.diagnostics)
        return None


def _print(history: EventHistory, decision: Decision | None, *, body: bool, now: float) -> None:
    console, event = out(), history.event
    console.print(Text().append(clean(f"{event.source}/{event.type}"), "bold").append(f": {clean(line_of(event))}"))
    for name, text in _facts(history, now):
        console.print(Text().append(f"{name:8}  ", "dim").append(text))
    if body:
        console.print(Text("\nThe body as it arrived:", "bold"))
        console.print(_CONTROL.sub("", _body(history.request)))
    for delivery in history.deliveries:
        _print_delivery(console, delivery)
    if decision is not None:
        where = ", ".join(
            f"#{planned.channel}" for planned in decision.deliveries if planned.state == DeliveryState.WAITING
        )
        console.print(Text(f"\nBy today's routes it would go to {where or 'no channel'}:", "bold"))
        for answer in decision.routes:
            console.print(route_verdict(answer))


def _facts(history: EventHistory, now: float) -> Iterator[tuple[str, str]]:
    event, request = history.event, history.request
    yield "event", event.id
    late = humanize.naturaldelta(max(0.0, now - event.received_at))
    yield "arrived", f"{local_time(event.received_at)}, {late} ago"
    which = f", event {history.part + 1} in it" if history.part else ""
    yield "request", f"{clean(request.method)} {_path(request)}, {_size(request):,} bytes{which}"
    if event.occurred_at is not None:
        yield "happened", local_time(event.occurred_at)
    for name, text in (("name", event.name), ("subject", event.subject), ("actor", event.actor), ("link", event.url)):
        if text:
            yield name, clean(text)
    if marks := [name for name, holds in (("confidential", event.confidential), ("test", event.test)) if holds]:
        yield "marked", ", ".join(marks)
    for number, key in enumerate(history.keys):
        yield "" if number else "keys", f"{clean(key.key)} ({_key_status(key, now)})"


def _key_status(key: DedupeKey, now: float) -> str:
    if key.until is None or key.until <= now:
        return "forgotten: the same event would be a new one"
    return f"a resend is a duplicate until {local_time(key.until)}"


def _print_delivery(console: Console, delivery: DeliveryHistory) -> None:
    row = delivery.row
    head = Text(f"\n#{row.delivery} → ").append(f"#{clean(row.channel)}", "cyan").append(": ")
    head.append(row.state, STYLES.get(row.state, "dim"))
    if row.settled_at is not None:
        head.append(f" {local_time(row.settled_at)}")
    head.append(f", by the route {clean(row.route)!r}")
    if row.template is not None:
        head.append(f" with {clean(row.template)}")
    console.print(head)
    if delivery.message is None:  # else it begins with that line
        console.print(f"{INDENT}{clean(row.line)}")
    for why in reasons(row):
        console.print(f"{INDENT}{why}")
    for attempt in delivery.attempts:
        console.print(Text(INDENT).append_text(_attempt(attempt)))
    posted = delivery.message if delivery.digest is None else delivery.digest.message
    if delivery.digest is not None:
        console.print(
            f"{INDENT}the digest {clean(delivery.digest.id)} was posted {local_time(delivery.digest.posted_at)}:"
        )
    if posted is not None:
        console.print(Indented(show(message_of(posted))), soft_wrap=False)


def _attempt(attempt: Attempt) -> Text:
    status = "no answer" if attempt.status is None else str(attempt.status)
    text = Text().append(f"{local_time(attempt.at)}  ", "dim")
    text.append(clean(attempt.kind), "green" if attempt.kind == OutcomeKind.OK else "red")
    return text.append(f"  {status} {clean(attempt.answer)}").append(f"  {attempt.seconds:.2f} s", "dim")


def _as_json(history: EventHistory, decision: Decision | None, *, body: bool) -> dict[str, object]:
    """Return the record for scripts; docs/operations.md describes the shape."""
    event, request = history.event, history.request
    arrival: dict[str, object] = {
        "received_at": iso_time(event.received_at),
        "method": request.method,
        "path": _path(request),
        "size": _size(request),
        "part": history.part,
    }
    if body:
        arrival["body"] = _body(request)
    return {
        "event": {
            "id": event.id,
            "source": event.source,
            "provider": event.provider,
            "type": event.type,
            "subject": event.subject,
            "line": line_of(event),
            "name": event.name,
            "url": event.url,
            "actor": event.actor,
            "occurred_at": iso_time(event.occurred_at),
            "confidential": event.confidential,
            "test": event.test,
        },
        "arrival": arrival,
        "keys": [{"key": key.key, "until": iso_time(key.until)} for key in history.keys],
        "deliveries": [
            {
                **as_json(delivery.row),
                "posts": [
                    {
                        "at": iso_time(attempt.at),
                        "kind": attempt.kind,
                        "status": attempt.status,
                        "answer": attempt.answer,
                        "seconds": attempt.seconds,
                    }
                    for attempt in delivery.attempts
                ],
                "message": delivery.message,
                "digest": None
                if delivery.digest is None
                else {"posted_at": iso_time(delivery.digest.posted_at), "message": delivery.digest.message},
            }
            for delivery in history.deliveries
        ],
        "today": None
        if decision is None
        else {
            "routes": [
                {
                    "route": answer.route,
                    "matched": answer.matched,
                    "verdicts": [
                        {"condition": verdict.condition, "met": verdict.met, "detail": verdict.detail}
                        for verdict in answer.verdicts
                    ],
                }
                for answer in decision.routes
            ],
            "deliveries": [
                {"channel": planned.channel, "route": planned.route, "state": planned.state, "reason": planned.reason}
                for planned in decision.deliveries
            ],
        },
    }


def _path(request: Request) -> str:
    """Return the request's path, without the host and the query (a GET has its whole content there)."""
    return clean(urlsplit(request.url).path)


def _body(request: Request) -> str:
    """Return the request's content: a body, or the query of a GET."""
    return request.body.decode("utf-8", "replace") or urlsplit(request.url).query


def _size(request: Request) -> int:
    return len(request.body) or len(urlsplit(request.url).query)
