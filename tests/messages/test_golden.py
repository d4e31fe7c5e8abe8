"""Tests that every sample's message is the reviewed one."""

from bridge.messages.templates import read_templates
from bridge.samples import Sample, samples
from tests.messages.golden import golden_file, golden_text, left_over
from tests.walks import for_each

TEMPLATES = read_templates(None, {})


@for_each(samples().values(), name=lambda sample: sample.name)
def test_the_message_of_every_sample_is_the_one_that_was_reviewed(sample: Sample) -> None:
    path = golden_file(sample)
    assert path.exists(), f"{sample.name} has no message under review yet: run `make golden` and look at {path.name}"
    assert golden_text(sample, TEMPLATES) == path.read_text("utf-8"), "if this is meant: `make golden`, and review it"


def test_no_message_is_kept_whose_sample_is_gone() -> None:
    assert not list(left_over()), "run `make golden`"
