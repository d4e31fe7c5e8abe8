"""Find the event of a recorded body, from the body itself or from the command line."""

import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from bridge.cli.errors import refuse
from bridge.cli.samples import provider_of, read, recorded
from bridge.lint.sample_runs import StandIn
from bridge.live.snapshot import Snapshot
from bridge.samples import Sample, sample_event, samples
from bridge.samples.recorded import UnreadableBodyError, recorded_body
from bridge.sources import PROVIDERS, Malformed


def stand_ins(paths: Sequence[Path], name: str | None, snapshot: Snapshot) -> list[StandIn]:
    """Return recorded bodies as samples; ``name`` is their SOURCE/TYPE, if given.

    End the command if a body cannot be read, or its event is unknown.
    """
    if name is None:
        return [_by_itself(path) for path in paths]
    if not paths:
        refuse(["--event names the event of recorded bodies (add --payload FILE)"])
    return [_named(path, name, snapshot) for path in paths]


def _named(path: Path, name: str, snapshot: Snapshot) -> StandIn:
    source, slash, event_type = name.partition("/")
    if not slash or not event_type:
        refuse([f"{name!r} is not SOURCE/TYPE (write for example shopify/orders/create)"])
    provider = provider_of(source, snapshot)
    body = recorded(path, provider)
    found = _type_of(Sample(provider, event_type, path, body))
    if found is None:
        refuse([f"{path}: is not a body that {provider} sends"])
    if found != event_type:
        refuse([f"{path}: is {source}/{found}, not {name} (correct --event, or leave it out)"])
    return StandIn(Sample(provider, event_type, path, body), source)


def _by_itself(path: Path) -> StandIn:
    raw = read(path)
    found = list(_readings(path, raw))
    example = "--event SOURCE/TYPE, such as --event shopify/orders/create"
    if not found:
        refuse([f"{path}: does not name its event (name it with {example})"])
    if len(found) > 1:
        could_be = " or ".join(sample.name for sample in found)
        refuse([f"{path}: could be {could_be} (name it with --event SOURCE/TYPE)"])
    return StandIn(found[0])


def _readings(path: Path, raw: bytes) -> Iterator[Sample]:
    """Yield the body as a sample of each provider with samples of its type or kind."""
    for provider in PROVIDERS:
        try:
            body = recorded_body(raw, provider)
        except UnreadableBodyError:
            continue
        event_type = _type_of(Sample(provider, "", path, body))
        kinds = {_kind(sample.type) for sample in samples().values() if sample.provider == provider}
        if event_type and _kind(event_type) in kinds - {"unknown"}:
            yield Sample(provider, event_type, path, body)


def _kind(event_type: str) -> str:
    """Return ``merge_request`` of ``merge_request.open``, ``orders`` of ``orders/create``."""
    return re.split(r"[./]", event_type, maxsplit=1)[0]


def _type_of(sample: Sample) -> str | None:
    """Return the type of a body by its provider; None if it would not send it."""
    try:
        return sample_event(sample, sample.provider, time.time()).type
    except (Malformed, IndexError):
        return None
