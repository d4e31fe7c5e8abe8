"""The sample events: one a type, below a folder for each provider. Demo, check, render, test and the tests use them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from bridge.events import Event
from bridge.sources import PROVIDERS

SAMPLE_SECRET = "a-secret-that-only-samples-are-signed-with"  # noqa: S105 - signs samples only, and opens nothing

SAMPLE_TIME = 1_795_392_000.0
"""When samples arrive on pages that are kept (2026-11-23 00:00 UTC): two pages differ by their messages alone."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One example of one type. ``body`` is JSON, or a form as a list of [name, value] pairs."""

    provider: str
    type: str
    path: Path
    body: object

    @property
    def name(self) -> str:
        """What it is called on the command line, e.g. ``gitlab/merge_request.open``."""
        return f"{self.provider}/{self.type}"


@cache
def samples() -> Mapping[str, Sample]:
    """Every sample by its name, sorted."""
    found: dict[str, Sample] = {}
    for provider in PROVIDERS.values():
        for path in sorted((Path(__file__).parent / provider.name).glob("*.json")):
            event_type = provider.type_of_sample(path.stem)
            sample = Sample(provider.name, event_type, path, json.loads(path.read_text("utf-8")))
            found[sample.name] = sample
    return found


def sample_event(sample: Sample, source: str, now: float, body: object | None = None) -> Event:
    """The event that a sample becomes when it arrives at ``source``; ``body`` stands in for the sample's own.

    Raises Malformed if a body that stands in cannot be read.
    """
    provider = PROVIDERS[sample.provider]
    request = provider.request_for(sample.type, sample.body if body is None else body, SAMPLE_SECRET, now)
    event = provider.events(request, source, now)[0]
    return replace(event, source=source)
