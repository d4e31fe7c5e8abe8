"""Tests that every type in Stripe's own library, snapshot or thin, has a sentence, a link and no gap."""

import json
import re
import tomllib
from pathlib import Path

import pytest
import stripe

from bridge.config.packaged import packaged_templates
from bridge.lint.unknown_words import unknown_words
from bridge.messages.templates import read_templates
from bridge.samples import Sample, samples
from tests.messages.rendering import message_of, render
from tests.messages.stripe_bodies import assert_reads_well, event_of, rendered, sample, text_of, title
from tests.walks import for_each

LIBRARY = Path(stripe.__file__).parent
WORDS = tomllib.loads((packaged_templates() / "stripe" / "words.toml").read_text("utf-8"))
PHRASES = {**WORDS["titles"], **WORDS["thin_titles"]}
TEMPLATES = [*(packaged_templates() / "stripe").glob("*.j2")]
FAMILIES = {f"stripe/{path.name}" for path in TEMPLATES if "titles[" in path.read_text("utf-8")}


def _snapshot_types() -> list[str]:
    """Return the types in the Literal of a webhook endpoint's subscriptions."""
    text = (LIBRARY / "params" / "_webhook_endpoint_create_params.py").read_text("utf-8")
    return sorted(set(re.findall(r'"([a-z_0-9]+(?:\.[a-z_0-9]+)+)"', text)))


def _thin_types() -> list[str]:
    files = (path.read_text("utf-8") for path in (LIBRARY / "events").glob("_v*.py"))
    return sorted({event_type for text in files for event_type in re.findall(r'LOOKUP_TYPE = "([^"]+)"', text)})


SNAPSHOTS, THIN = _snapshot_types(), _thin_types()


def _snapshot(event_type: str, **resource: object) -> dict[str, object]:
    thing = {"id": "thing1", "object": event_type.rpartition(".")[0].replace("issuing_", "issuing."), **resource}
    return {"id": "evt_1", "object": "event", "type": event_type, "livemode": True, "data": {"object": thing}}


def _thin(event_type: str) -> dict[str, object]:
    related = {
        "id": "thing1",
        "type": re.sub(r"^v1\.|\[.*", "", event_type).rpartition(".")[0],
        "url": "/v1/things/thing1",
    }
    return {"id": "evt_1", "object": "v2.core.event", "type": event_type, "livemode": True, "related_object": related}


def test_the_library_lists_its_types() -> None:
    assert len(SNAPSHOTS) > 250
    assert len(THIN) > 250
    assert {"charge.failed", "treasury.outbound_transfer.expected_arrival_date_updated"} < set(SNAPSHOTS)
    assert {"v1.charge.failed", "v2.core.event_destination.ping"} < set(THIN)


def test_every_snapshot_type_has_a_sample() -> None:
    assert set(SNAPSHOTS) - {sample.type for sample in samples().values() if sample.provider == "stripe"} == set()


def test_every_type_has_its_own_sentence() -> None:
    """A thin event has no template of its own, nor has a snapshot type of a family that takes its sentences as data."""
    assert {event_type for event_type in THIN if event_type.removeprefix("v1.") not in PHRASES} == set()
    by_data = {event_type for event_type in SNAPSHOTS if rendered(_snapshot(event_type)).template in FAMILIES}
    assert len(by_data) > 100
    assert {event_type for event_type in by_data if event_type not in WORDS["titles"]} == set()


def test_no_sentence_is_for_a_type_that_does_not_exist() -> None:
    known = {*SNAPSHOTS, *(event_type.removeprefix("v1.") for event_type in THIN), "unknown"}
    assert {key for key in PHRASES if key.partition(":")[0] not in known} == set()


@pytest.mark.thorough
def test_the_words_of_the_docs_are_laid_over_the_packaged_ones(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "templates.md").read_text("utf-8")
    own = re.search(r"```toml\n(\[titles\]\n.*?)```", page, re.DOTALL)
    assert own is not None
    (tmp_path / "stripe").mkdir()
    (tmp_path / "stripe" / "words.toml").write_text(own[1], "utf-8")
    mine = read_templates(tmp_path, {})
    assert list(unknown_words(mine)) == []
    held = render(event_of(sample("reserve.hold.created")), mine)
    assert message_of(held).text.removeprefix(":warning: ").endswith(" is held back")
    assert "failed: not enough money" in message_of(render(event_of(sample("charge.failed")), mine)).text


BY_STATE = ("account.", "capability.", "charge.dispute.", "charge.refund.", "entitlements.", "mandate.", "refund.")


@pytest.mark.thorough
@for_each(sorted({event_type.rpartition(".")[0] for event_type in SNAPSHOTS}))
def test_a_new_type_of_a_known_thing_is_named_and_claims_nothing_else(thing: str) -> None:
    body = next(one.body for one in samples().values() if one.type.rpartition(".")[0] == thing)
    assert isinstance(body, dict)
    result = rendered(body | {"type": f"{thing}.moon_phase"})
    assert_reads_well(result)
    text = message_of(result).text
    assert "oon phase" in text or f"{thing}.".startswith(BY_STATE), text
    assert "moon_phase" not in text


def test_every_table_of_words_is_read() -> None:
    read = "".join(path.read_text("utf-8") for path in TEMPLATES)
    assert {table for table in WORDS if f"{table}[" not in read} == set()
    assert all(isinstance(text, str) and text == text.strip() for table in WORDS.values() for text in table.values())


@for_each([*WORDS["titles"], *WORDS["thin_titles"]])
def test_a_sentence_reads_well_even_when_nothing_is_known(key: str) -> None:
    event_type, _, case = key.partition(":")
    body = _snapshot(event_type, type=case, status=case)
    text = title(body if key in WORDS["titles"] else _thin(f"v1.{event_type}"))
    for never in ("[", "]", "{", "}", "|", "  ", " :", " ,", "()", "“”"):
        assert never not in text, text
    assert not text.endswith((":", ",", " of", " to", " from", " at", " for", " on", " by")), text


@pytest.mark.parametrize(
    ("event_type", "fields", "expected"),
    [
        ("terminal.printer.paper_low", {}, "A terminal printer: paper low"),
        ("treasury.newer_thing.failed", {"amount": 1, "currency": "usd"}, ":x: A treasury newer thing of $0.01 failed"),
        ("treasury.newer_thing.frozen", {"amount": 1, "currency": "usd"}, "A treasury newer thing: frozen ($0.01)"),
        ("issuing_thing.updated", {}, "An issuing thing was updated"),
        ("charge.moon_phase", {"amount": 100, "currency": "usd"}, "A charge: moon phase ($1.00)"),
        ("v2.core.account[configuration.courier].updated", {}, "An account (courier configuration) was updated"),
        ("new_settings.updated", {}, "New settings were updated"),
        ("ping", {}, "Ping"),
        ("", {}, "Stripe sent an event without a type"),
        ("balance.available", {"available": [{"amount": 0, "currency": "eur"}]}, "Balance has €0.00 available"),
        ("issuing_authorization.created", {"approved": None}, "Card payment was recorded"),
        (
            "issuing_authorization.created",
            {
                "approved": False,
                "amount": 0,
                "currency": "eur",
                "request_history": [{"amount": 500, "approved": False}],
            },
            "Card payment of €5.00 was declined",
        ),
        (
            "treasury.received_credit.created",
            {"status": "failed", "amount": 100, "currency": "usd"},
            ":x: $1.00 could not be received",
        ),
        ("tax_rate.created", {"display_name": "VAT", "percentage": 19.0}, "New tax rate “VAT”: 19%"),
        ("tax_rate.created", {"display_name": "VAT", "percentage": 0}, "New tax rate “VAT”: 0%"),
    ],
)
def test_sentences_of_words_toml(event_type: str, fields: dict[str, object], expected: str) -> None:
    body = _snapshot(event_type, **fields)
    body["type"] = event_type
    assert expected in title(body)


@pytest.mark.thorough
@for_each(SNAPSHOTS)
@pytest.mark.parametrize("amount", [None, 12900])
def test_a_body_that_states_next_to_nothing_is_still_a_sentence(event_type: str, amount: int | None) -> None:
    body = _snapshot(event_type, amount=amount, currency="usd" if amount else None, livemode=True)
    result = rendered(body)
    assert_reads_well(result)
    text = message_of(result).text
    assert "_" not in re.sub(r":[a-z_]+: ", "", text)
    assert event_type not in text
    assert re.match(r"(:[a-z_]+: )?[A-Z3$]", text), text
    assert "thing1" not in text_of(body) or event_type.startswith(("coupon.", "capability.", "customer.deleted")), (
        "only the ids of these are words, or all that is left"
    )


@pytest.mark.thorough
@for_each(THIN)
def test_a_thin_event_is_a_sentence_with_the_id_of_its_object(event_type: str) -> None:
    result = rendered(_thin(event_type))
    assert_reads_well(result)
    text = message_of(result).text
    assert text.endswith("(thing1)")
    assert "_" not in re.sub(r":[a-z_]+: ", "", text)


@pytest.mark.thorough
@for_each([*map(_snapshot, SNAPSHOTS), *map(_thin, THIN)], name=lambda body: str(body["type"]))
def test_the_link_leads_into_the_dashboard_to_the_object_or_its_event(body: dict[str, object]) -> None:
    live, test = event_of(body), event_of({**body, "livemode": False})
    assert re.fullmatch(r"https://dashboard\.stripe\.com/[a-z_/-]+/(thing1|evt_1)", live.url)
    assert test.url == live.url.replace(".com/", ".com/test/")


JUNK: tuple[object, ...] = (
    None,
    True,
    -1,
    1e300,
    10**30,
    "",
    "x" * 100_000,
    [],
    [None],
    {},
    {"data": [None]},
    {"type": "type"},
)


@pytest.mark.slow
@for_each([s for s in samples().values() if s.provider == "stripe"], name=lambda one: one.type)
def test_fields_of_the_wrong_type_still_render_a_message(one: Sample) -> None:
    body = json.loads(json.dumps(one.body))
    resource = body.get("data", {}).get("object", {})
    names = [name for name in resource if name != "object"]
    right = dict(resource)
    for number, name in enumerate(names):
        resource[name] = JUNK[number % len(JUNK)]
        assert rendered(body).error is None, name
        resource[name] = right[name]
    for junk in JUNK:
        resource.update(dict.fromkeys(names, junk))
        assert rendered(body).error is None, junk
