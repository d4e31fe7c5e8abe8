"""Every type of which there is a sample, and what becomes of it: docs/events.md is written from this (`make docs`)."""

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from urllib.parse import quote

from bridge.config.packaged import packaged_routes
from bridge.events import Event
from bridge.messages.render import Templates, choose, load_templates, render
from bridge.routing.decide import decide
from bridge.routing.routes_file import Routes, load_routes
from bridge.samples import SAMPLE_TIME, Sample, sample_event, samples

"""When the samples arrive: any moment would do, but a page that is compared must say the same each time."""

_MARKS = re.compile(r"[\\`*_\[\]<>|~&$@]|[#!](?=\d)")
"""What Markdown, or a forge that shows it, takes for more than text: also a mention and the number of an issue."""

_HEAD = """\
<!-- Written by `make docs` from the samples, the templates and routes.toml. Changes by hand are lost. -->

# Events

Every type of which Bridge holds a sample, what it is, and the template that makes its message. To see one:

```sh
bridge render gitlab/push             # as Slack would show it
bridge explain gitlab --payload FILE  # which routes want a body that you recorded, and why
```

| provider | types with a sample | of these with a template for them or their family | served by `default.j2` |
|---|---|---|---|
{counts}

**A type that is not here gets a message too.** Bridge knows no list of types. The nearest template by name makes the
message, as [templates.md](templates.md#which-template-an-event-gets) says: in the end the provider's `default.j2`,
which has a title, a link and the plain fields that came.

*Sent* is what the [routes.toml](../routes.toml) that comes with Bridge does: one channel hears of all that people are
glad to read. Yours may do otherwise, see [routes.md](routes.md). A type that no line of it names is sent.
"""

_TABLE = """
## {provider}

Set-up: [{provider}.md]({provider}.md).

| type | for example | template | sent |
|---|---|---|---|
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One type of which there is a sample, and what the shipped templates and routes make of it."""

    sample: Sample
    title: str
    """What happened in the sample, in words."""
    template: str
    sent: str
    """``yes``, ``no`` or what it hangs on."""

    @property
    def by_default(self) -> bool:
        """Whether no template knows more of it than that it came."""
        return self.template.rpartition("/")[2] == "default.j2"


def catalogue(templates: Templates, routes: Routes) -> list[Entry]:
    """All entries, by provider and type."""
    return [_entry(sample, templates, routes) for _, sample in sorted(samples().items())]


def _entry(sample: Sample, templates: Templates, routes: Routes) -> Entry:
    event = sample_event(sample, sample.provider, SAMPLE_TIME)
    return Entry(sample, event.title, choose(event, templates), _sent(event, templates, routes))


def _sent(event: Event, templates: Templates, routes: Routes) -> str:
    deliveries = decide(event, routes).deliveries
    if not deliveries:
        return "no"
    if not any(planned.state == "waiting" for planned in deliveries):
        return "to private channels"
    skips = [render(event, templates, planned.template).skip for planned in deliveries]
    return f"no: {skips[0]}" if all(skips) else "yes"


def page(entries: Sequence[Entry]) -> str:
    """docs/events.md."""
    groups = {name: list(group) for name, group in groupby(entries, key=lambda entry: entry.sample.provider)}
    counts = [f"| [{name}](#{name}) {_count(group)}" for name, group in groups.items()]
    said = [_HEAD.format(counts="\n".join([*counts, f"| all {_count(entries)}"]))]
    for name, group in groups.items():
        said += [_TABLE.format(provider=name), *map(_row, group)]
    return "".join(said)


def _count(entries: Sequence[Entry]) -> str:
    by_default = sum(entry.by_default for entry in entries)
    return f"| {len(entries)} | {len(entries) - by_default} | {by_default} |"


def _row(entry: Entry) -> str:
    sample = f"../bridge/samples/{entry.sample.provider}/{entry.sample.path.name}"
    cells = (
        f"`{entry.sample.type}`",
        _link(sample, _plain(entry.title)),
        _link(f"../templates/{entry.template}", f"`{entry.template}`"),
        _plain(entry.sent),
    )
    return f"| {' | '.join(cells)} |\n"


def _link(path: str, label: str) -> str:
    return f"[{label}]({quote(path)})"


def _plain(text: str) -> str:
    return _MARKS.sub(r"\\\g<0>", " ".join(text.split()))


def events_page() -> str:
    """docs/events.md as it is to be now."""
    return page(catalogue(load_templates(None, {}), load_routes(packaged_routes())))


if __name__ == "__main__":
    sys.stdout.write(events_page())
