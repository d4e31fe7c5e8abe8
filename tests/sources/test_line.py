"""The plain lines of events."""

from bridge.samples import SAMPLE_TIME, Sample, sample_event, samples
from bridge.sources import PROVIDERS
from tests.walks import for_each


@for_each(samples().values(), lambda sample: sample.name)
def test_every_event_has_a_plain_line_that_names_its_provider(sample: Sample) -> None:
    event = sample_event(sample, sample.provider, SAMPLE_TIME)
    line = PROVIDERS[sample.provider].line(event)
    assert line.lower().startswith(f"{sample.provider} ")
    assert len(line) <= 300
    assert line.isprintable()
    assert event.name in line
