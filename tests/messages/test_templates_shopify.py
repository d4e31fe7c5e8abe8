"""Tests of Shopify's messages with any body: samples, documented payloads, hostile texts, missing fields."""

import json
import re
from collections.abc import Iterator

import pytest

from bridge.messages.limits import limit_violations
from bridge.samples import Sample, sample_event
from bridge.sources.shopify.provider import PROVIDER
from bridge.templating.jinja_internals import Place
from tests.messages.rendering import render
from tests.messages.shopify_messages import NOW, PAYLOADS, SAMPLES, event_of, templates, written
from tests.walks import for_each


@pytest.mark.thorough
@for_each(SAMPLES, name=lambda one: one.type)
def test_every_sample_reads_well_and_links_to_the_admin(one: Sample) -> None:
    text = written(one.type, one.body)
    assert sample_event(one, "shopify", NOW).url in text or "uninstalled* the app" in text or "bulk" in text


@pytest.mark.thorough
def test_no_template_reads_a_field_that_no_sample_has() -> None:
    missing: dict[str, set[Place]] = {}
    for one in SAMPLES:
        rendered = render(sample_event(one, "shopify", NOW), templates())
        missing.setdefault(rendered.template, set(rendered.missing)).intersection_update(rendered.missing)
    assert {template: paths for template, paths in missing.items() if paths} == {}


TIMES = ("_at", "_by", "_on")
HOSTILE = "<!channel> <@U012AB3CD> <https://evil.example.com|x> *b* _i_ `c` ~s~ & \x00 \u202e "


@pytest.mark.thorough
@for_each(SAMPLES, name=lambda one: one.type)
def test_text_from_outside_neither_mentions_nor_links_nor_formats(one: Sample) -> None:
    text = written(one.type, _every_text(one.body, HOSTILE))
    assert not re.search(r"<(?!https://|!date\^)", text), text
    assert "<https://evil" not in text
    text = re.sub(r"`[^`]*`|<https://[^|>]*", "", text)  # there is no format in a code span or an address
    assert "*b*" not in text
    assert "_i_" not in text


def _every_text(data: object, text: str) -> object:
    if isinstance(data, dict):
        return {key: value if key.endswith(TIMES) else _every_text(value, text) for key, value in data.items()}
    if isinstance(data, list):
        return [_every_text(value, text) for value in data]
    return text if isinstance(data, str) else data


@pytest.mark.thorough
@pytest.mark.parametrize(
    "junk",
    [None, "", pytest.param("x" * 90_000, marks=pytest.mark.slow), 10**400, -1, 0.5, [], {}, [None], True],
    ids=lambda junk: repr(junk)[:8],
)
def test_a_body_whose_fields_are_all_of_the_wrong_kind_is_still_a_message(junk: object) -> None:
    for one in SAMPLES:
        assert isinstance(one.body, dict)
        rendered = render(event_of(one.type, dict.fromkeys(one.body, junk)), templates())
        assert rendered.error is None, f"{one.type}: {rendered.error}"
        assert rendered.message is not None
        assert limit_violations(rendered.message) == []


@pytest.mark.slow
@for_each(SAMPLES, name=lambda one: one.type)
def test_a_message_is_complete_with_any_field_missing_or_null(one: Sample) -> None:
    assert all(written(one.type, lacking) for lacking in _without_one_field(one.body))


def _without_one_field(data: object, depth: int = 0) -> Iterator[object]:
    """Yield the body without each of its fields in turn. Of deeper fields, one is null each time."""
    if isinstance(data, dict) and depth < 3:
        for key, value in data.items():
            yield data | {key: None} if depth else {name: data[name] for name in data if name != key}
            for inner in _without_one_field(value, depth + 1):
                yield data | {key: inner}
    elif isinstance(data, list) and data:
        yield []
        for inner in _without_one_field(data[0], depth + 1):
            yield [inner, *data[1:]]


@pytest.mark.thorough
@for_each(SAMPLES, name=lambda one: one.type)
def test_a_body_that_holds_nothing_is_a_message(one: Sample) -> None:
    assert written(one.type, {})


@pytest.mark.thorough
@for_each(SAMPLES, name=lambda one: one.type)
def test_no_word_of_a_machine_is_shown_to_people(one: Sample) -> None:
    text = re.sub(
        r"`[^`]*`|<!date[^|]*|<?https?://[^\s|>]*|:[a-z_]+:|“[^”]*”|WINTER10|MUG-\w+", "", written(one.type, one.body)
    )
    assert not re.search(r"[a-z]_[a-z]|gid:|\b[A-Z]{4,}\b", text), text


@pytest.mark.thorough
def test_no_message_shows_an_address_a_telephone_number_or_an_email() -> None:
    for one in SAMPLES:
        text = written(one.type, one.body)
        assert not re.search(r"Harbour Row|\+353|@example\.com|@cafe\.example|Exampleton|4242", text), text


@pytest.mark.thorough
@pytest.mark.skipif(not PAYLOADS.exists(), reason="the folder of shared payloads is not here")
def test_every_documented_payload_reads_well() -> None:
    index = json.loads((PAYLOADS / "index.json").read_text())
    seen = 0
    for name, about in index.items():
        if topic := about.get("X-Shopify-Topic"):
            text = written(topic, json.loads((PAYLOADS / name).read_text()))
            assert not re.search(r"Elm St|Shipping Street|555-|@example\.com|@biller|@doe", text), text
            seen += 1
    assert seen > 200


@pytest.mark.skipif(not PAYLOADS.exists(), reason="the folder of shared payloads is not here")
def test_the_blanked_shapes_of_real_payloads_render_without_an_error() -> None:
    for path in sorted((PAYLOADS / "shapes").glob("*.json")):
        event_type = PROVIDER.type_of_sample(path.stem)
        rendered = render(event_of(event_type, path.read_bytes()), templates())
        assert rendered.error is None
