"""Which sample event a command means, and what stands in for its body."""

import time
from pathlib import Path

from bridge.cli.errors import refuse
from bridge.config.errors import nearest
from bridge.events import Event
from bridge.live.snapshot import Snapshot
from bridge.samples import Sample, sample_event, samples
from bridge.samples.recorded import UnreadableBodyError, recorded_body
from bridge.sources import PROVIDERS, Malformed


def provider_of(source: str, snapshot: Snapshot) -> str:
    """The provider that a source name stands for, whether the source is on or off. Ends the command if none does."""
    provider = snapshot.routes.provider_of(source)
    if provider not in PROVIDERS:
        known = snapshot.routes.source_names(PROVIDERS)
        refuse(
            [f"there is no source {source!r}; the nearest is {nearest(source, known)!r} (known: {', '.join(known)})"]
        )
    return provider


def named_event(name: str, snapshot: Snapshot, payload: Path | None = None) -> Event:
    """The event that SOURCE/TYPE names, from its sample or from a recorded body. Ends the command if there is none."""
    source, slash, event_type = name.partition("/")
    if not slash or not event_type:
        refuse([f"{name!r} is no SOURCE/TYPE: write for example gitlab/pipeline.failed"])
    provider = provider_of(source, snapshot)
    sample = samples().get(f"{provider}/{event_type}")
    body: object | None = None
    if payload:
        body = recorded(payload, provider)
        sample = Sample(provider, event_type, payload, body)
    if sample is None:
        near = nearest(f"{provider}/{event_type}", samples()).removeprefix(f"{provider}/")
        refuse([f"there is no sample {name!r}; the nearest is {source}/{near!s} (or give a body with --payload FILE)"])
    try:
        return sample_event(sample, source, time.time(), body)
    except (Malformed, IndexError) as error:
        refuse([f"{payload or sample.path}: is no body that {provider} would send: {error}"])


def recorded(path: Path, provider: str) -> object:
    """A recorded body: JSON, or a form as it came over the wire where the provider sends such. Ends the command if it
    is neither."""
    try:
        return recorded_body(read(path), provider)
    except UnreadableBodyError as error:
        refuse([f"{path}: {error}"])


def read(path: Path) -> bytes:
    """What is in a file. Ends the command if it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        refuse([f"cannot read {path}: {error.strerror}"])
