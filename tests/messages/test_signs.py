"""Tests of the legend of docs/templates.md: colours and signs mean the same with every provider."""

import re
from dataclasses import replace
from functools import cache

import pytest

from bridge.core.payload import list_at, text_at
from bridge.messages import Message
from bridge.messages.normalize import COLORS
from bridge.messages.templates import Templates, read_templates
from bridge.samples import Sample, sample_event, samples
from tests.messages.rendering import render
from tests.walks import for_each

NOW = 1_795_392_000.0
SIGNS = {
    COLORS["good"]: {":white_check_mark:"},
    COLORS["bad"]: {":x:", ":rotating_light:"},
    COLORS["warn"]: {":warning:"},
    COLORS["info"]: {""},
    COLORS["muted"]: {""},
}
ALARMS = {
    "bridge/channel.stopped",
    "gitlab/vulnerability.confirmed",
    "gitlab/vulnerability.detected",
    "gitlab/work_item.update",  # an incident that became worse
    "shopify/disputes/create",
    "shopify/orders/risk_assessment_changed",
    "stripe/account.updated",  # an account that cannot take payments any more
    "stripe/charge.dispute.created",
    "stripe/charge.dispute.funds_withdrawn",
    "stripe/radar.early_fraud_warning.created",
}


@cache
def templates(*, link_buttons: bool = False) -> Templates:
    return read_templates(None, {}, link_buttons=link_buttons)


def message(sample: Sample, *, test: bool = False, link_buttons: bool = False) -> Message | None:
    event = sample_event(sample, sample.provider, NOW)
    return render(replace(event, test=event.test or test), templates(link_buttons=link_buttons)).message


def title(posted: Message) -> str:
    return text_at(posted.blocks[0], "text", "text")


def sign(text: str) -> str:
    found = re.match(r":(?!lock:)[a-z_]+:", text)
    return found[0] if found else ""


@pytest.mark.thorough
@for_each(samples().values(), name=lambda sample: sample.name)
def test_the_sign_states_what_the_colour_states_in_the_title_and_on_the_phone(sample: Sample) -> None:
    posted = message(sample)
    if posted is None:
        return
    shown = sign(title(posted))
    assert shown in set().union(*SIGNS.values())
    assert sign(posted.text) == shown or (sample.name.startswith("gitlab/note.") and not shown)
    if posted.attachments:
        assert shown in SIGNS[text_at(posted.attachments[0], "color")]
    assert (shown == ":rotating_light:") == (sample.name in ALARMS)


MAY_BE_TESTS = [
    sample
    for sample in samples().values()
    if sample.provider in ("shopify", "stripe") or sample.name == "twilio/com.twilio.eventstreams.test-event"
]


@pytest.mark.thorough
@for_each(MAY_BE_TESTS, name=lambda sample: sample.name)
def test_a_test_is_marked_alike_and_alarms_no_one(sample: Sample) -> None:
    posted = message(sample, test=True)
    if posted is None:
        return
    assert title(posted).endswith(" _(test)_")
    assert sign(title(posted)) == ""
    if posted.attachments:
        assert text_at(posted.attachments[0], "color") == COLORS["muted"]


@pytest.mark.thorough
@for_each(samples().values(), name=lambda sample: sample.name)
def test_a_button_states_what_it_does(sample: Sample) -> None:
    posted = message(sample, link_buttons=True)
    if posted is None:
        return
    blocks = [block for part in posted.attachments for block in list_at(part, "blocks")]
    for block in blocks:
        if text_at(block, "type") == "actions":
            for button in list_at(block, "elements"):
                assert re.match(r"(Answer|Explain|Listen|Open|Respond|Review|Track)\b", text_at(button, "text", "text"))
                assert text_at(button, "style") in ("", "primary")
