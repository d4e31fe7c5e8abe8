"""Helpers of the message tests: an event, templates from texts, and the texts of a message."""

import shutil
from collections.abc import Iterator, Mapping
from datetime import UTC
from itertools import chain
from pathlib import Path

from bridge.config.diagnostic_codes import Code
from bridge.config.packaged import packaged_templates
from bridge.core.payload import clean, list_at, text_at
from bridge.events import Event
from bridge.messages import Message, Rendered
from bridge.messages.compiling import load_templates
from bridge.messages.mrkdwn import formatted
from bridge.messages.mrkdwn_parser import to_plain_text
from bridge.messages.render import render as render_once
from bridge.messages.templates import Templates


def event(payload: Mapping[str, object] | None = None, event_type: str = "merge_request.open", **changes: str) -> Event:
    fields = {"name": "Add a cache", "url": "https://gitlab.example.com/x/12", "provider": "gitlab", **changes}
    return Event(
        id="018bcfe56800aa",
        source=fields["provider"],
        provider=fields["provider"],
        type=event_type,
        keys=(),
        payload=payload or {},
        subject="7!12",
        name=fields["name"],
        url=fields["url"],
        actor="Ada",
        occurred_at=1_700_000_000.0,
        received_at=1_700_000_001.0,
        confidential=False,
        test=False,
    )


def templates(folder: Path, people: Mapping[str, str] | None = None, /, **texts: str) -> Templates:
    """Return templates over only message.j2 and default.j2; ``__`` in a name is a ``/``."""
    frame = folder / ".packaged"
    frame.mkdir(exist_ok=True)
    for name in ("message.j2", "default.j2"):
        shutil.copy(packaged_templates() / name, frame)
    for name, text in texts.items():
        path = folder / f"{name.replace('__', '/')}.j2"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return load_templates(folder, people or {}, packaged=frame)


def render(event: Event, templates: Templates) -> Rendered:
    """Render an event, and again if the template exceeded its time limit.

    Templates may take 0.3 s of CPU time. A virtual machine that pauses for so long counts its pause too, which happens
    among the ten thousand messages of a walk. A template that is too slow exceeds the limit both times.
    """
    made = render_once(event, templates)
    timed_out = made.error is not None and made.error.code is Code.TIME_LIMIT_EXCEEDED
    return render_once(event, templates) if timed_out else made


def one(
    folder: Path, text: str, payload: Mapping[str, object] | None = None, people: Mapping[str, str] | None = None
) -> Rendered:
    """Return the result of one template text for a payload."""
    return render_once(event(payload), templates(folder, people, one=text), "one.j2")


def message_of(rendered: Rendered) -> Message:
    assert rendered.message is not None, rendered.skip
    return rendered.message


def texts(data: object) -> Iterator[str]:
    """Return every text of a message that a reader may see."""
    if isinstance(data, Mapping):
        for key, value in data.items():
            if isinstance(value, str) and key in ("text", "fallback"):
                yield value
            else:
                yield from texts(value)
    elif isinstance(data, list | tuple):
        for value in data:
            yield from texts(value)


def shown(message: Message) -> str:
    """Return all texts of a message, one per line."""
    return "\n".join(texts(message.body()))


def first_shown(body: Mapping[str, object]) -> str:
    """Return the first line of text that a posted message shows, as plain text."""
    attachments = [list_at(attachment, "blocks") for attachment in list_at(body, "attachments")]
    blocks = [*list_at(body, "blocks"), *chain.from_iterable(attachments)]
    shown = [text for block in blocks for text in texts(block)] or [text_at(body, "text")]
    lines = (line for text in shown for line in to_plain_text(text, UTC).split("\n"))
    return clean(formatted(next(filter(str.strip, lines))))
