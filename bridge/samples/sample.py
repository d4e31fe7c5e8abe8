"""Sample events: one for each type, in a folder for each provider; used by demo, check, render, test and the tests."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from bridge.events import Event
from bridge.sources import PROVIDERS, RESERVED, provider_of

SAMPLE_SECRET = "a-secret-that-only-samples-are-signed-with"  # noqa: S105 - signs samples only, and opens nothing

SAMPLE_TIME = 1_795_392_000.0
"""Arrival time of samples on stored pages (2026-11-23 00:00 UTC), so that two pages differ only by their messages."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One example of one type. ``body`` is JSON, or a form as a list of [name, value] pairs."""

    provider: str
    type: str
    path: Path
    body: object

    @property
    def name(self) -> str:
        """The sample's name on the command line, e.g. ``gitlab/merge_request.open``."""
        return f"{self.provider}/{self.type}"


@cache
def samples() -> Mapping[str, Sample]:
    """Return every sample by its name, sorted."""
    samples_by_name: dict[str, Sample] = {}
    for provider in (*PROVIDERS.values(), RESERVED):
        for path in sorted((Path(__file__).parent / provider.name).glob("*.json")):
            event_type = provider.type_of_sample(path.stem)
            sample = Sample(provider.name, event_type, path, json.loads(path.read_text("utf-8")))
            samples_by_name[sample.name] = sample
    return samples_by_name


def sample_event(sample: Sample, source: str, now: float, body: object | None = None) -> Event:
    """Return the event of a sample that arrives at ``source``; ``body`` replaces the sample's own.

    ``now`` is in Unix seconds. Raises Malformed if the replaced body cannot be read.
    """
    provider = provider_of(sample.provider)
    assert provider is not None  # it is that of a sample, or of a source in force
    request = provider.request_for(sample.type, sample.body if body is None else body, SAMPLE_SECRET, now)
    event = provider.events(request, source, now)[0]
    return replace(event, source=source)
