"""Find a command's sample event, and the recorded body in place of its own."""

import time
from pathlib import Path

from bridge.cli.errors import refuse
from bridge.config.errors import either, suggestion
from bridge.events import Event
from bridge.live.snapshot import Snapshot
from bridge.samples import Sample, sample_event, samples
from bridge.samples.recorded import UnreadableBodyError, recorded_body
from bridge.sources import PROVIDERS, Malformed
from bridge.sources import provider_of as known_provider


def provider_of(source: str, snapshot: Snapshot) -> str:
    """Return the provider of a source, whether the source is on or off. End the command if there is none."""
    provider = snapshot.routes.provider_of(source)
    if known_provider(provider) is None:
        known = snapshot.routes.source_names(PROVIDERS)
        refuse([f"there is no source {source!r} ({suggestion(source, known, 'routes.toml lists the sources')})"])
    return provider


def named_event(name: str, snapshot: Snapshot, payload: Path | None = None) -> Event:
    """Return the event SOURCE/TYPE, from its sample or a recorded body. End the command if there is none."""
    source, slash, event_type = name.partition("/")
    if not slash or not event_type:
        refuse([f"{name!r} is not SOURCE/TYPE (write for example gitlab/pipeline.failed)"])
    provider = provider_of(source, snapshot)
    sample = samples().get(f"{provider}/{event_type}")
    body: object | None = None
    if payload:
        body = recorded(payload, provider)
        sample = Sample(provider, event_type, payload, body)
    if sample is None:
        types = [one.type for one in samples().values() if one.provider == provider]
        hint = suggestion(event_type, types, "docs/events.md lists the samples", f"`{source}/{{}}`".format)
        refuse([f"there is no sample {name!r} ({either(hint, 'give a body with --payload FILE')})"])
    try:
        return sample_event(sample, source, time.time(), body)
    except (Malformed, IndexError) as error:
        refuse([f"{payload or sample.path}: is not a body that {provider} sends: {error}"])


def recorded(path: Path, provider: str) -> object:
    """Read a recorded body: JSON, or a form if the provider sends forms. End the command if it is neither."""
    try:
        return recorded_body(read(path), provider)
    except UnreadableBodyError as error:
        refuse([f"{path}: {error}"])


def read(path: Path) -> bytes:
    """Read a file. End the command if it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        refuse([f"cannot read {path}: {error.strerror}"])
