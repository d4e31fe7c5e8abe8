"""The plain lines of events."""

from dataclasses import dataclass, replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bridge.samples import SAMPLE_TIME, Sample, sample_event, samples
from bridge.sources import PROVIDERS, line_of
from tests.walks import for_each


@for_each(samples().values(), lambda sample: sample.name)
def test_every_event_has_a_plain_line_that_names_its_provider(sample: Sample) -> None:
    event = sample_event(sample, sample.provider, SAMPLE_TIME)
    line = line_of(event)
    assert line.lower().startswith(f"{sample.provider} ")
    assert len(line) <= 300
    assert line.isprintable()
    assert event.name in line


@for_each(samples().values(), lambda sample: sample.name)
def test_a_plain_line_needs_only_what_the_store_keeps_in_columns(sample: Sample) -> None:
    event = sample_event(sample, sample.provider, SAMPLE_TIME)
    assert line_of(replace(event, payload={}, url="", actor="", keys=())) == line_of(event)


@dataclass(frozen=True)
class StoredFacts:
    """Facts as some earlier version may have stored them."""

    provider: str
    type: str
    subject: str
    name: str


odd = st.text(st.sampled_from("a/._-!#&12 \n\x00\x1b\ud800é😀{}%*<"), max_size=30) | st.just("x" * 1_000)


@pytest.mark.thorough
@pytest.mark.parametrize("provider", [*PROVIDERS, "bridge", "carrier-pigeon"])
@given(event_type=odd, subject=odd, name=odd)
@example(event_type="", subject="", name="")
@example(event_type="/", subject="7!", name="")
def test_any_facts_give_one_short_line(provider: str, event_type: str, subject: str, name: str) -> None:
    """One row that has no line would hide the whole event list."""
    line = line_of(StoredFacts(provider, event_type, subject, name))
    assert 0 < len(line) <= 300
    assert all(c.isprintable() for c in line)
