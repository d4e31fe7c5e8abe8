"""Tests of Stripe's templates: every sample and every payload at hand reads well, and no input breaks one."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.core.payload import at, map_at
from bridge.samples import Sample, sample_event, samples
from tests.messages.rendering import render, shown
from tests.messages.stripe_bodies import (
    LINK,
    NOW,
    assert_reads_well,
    changed,
    event_of,
    posted,
    rendered,
    sample,
    templates,
    text_of,
)
from tests.walks import for_each

PAYLOADS = Path(__file__).parents[2].parent / "shared" / "payloads" / "stripe"
SAMPLES = [sample for sample in samples().values() if sample.provider == "stripe"]


def test_every_template_compiles() -> None:
    assert {name: error for name, error in templates().errors.items() if name.startswith("stripe/")} == {}


@pytest.mark.thorough
@for_each(SAMPLES, name=lambda one: one.type)
def test_a_sample_reads_well_and_lacks_nothing_that_its_template_reads(one: Sample) -> None:
    result = render(sample_event(one, "stripe", NOW), templates())
    assert_reads_well(result)
    assert result.template.startswith("stripe/")
    assert result.missing == ()


@pytest.mark.thorough
@for_each(SAMPLES, name=lambda one: one.type)
def test_no_amount_is_shown_in_the_smallest_unit(one: Sample) -> None:
    result = render(sample_event(one, "stripe", NOW), templates())
    if result.message is None:
        return
    lines = LINK.sub(r"\1", shown(result.message))
    for amount in _amounts(at(one.body, "data", "object")):
        assert not re.search(rf"(?<![\d.,]){amount}(?![\d.,]*\d)", lines), lines


def _amounts(resource: object) -> set[int]:
    if not isinstance(resource, Mapping):
        return set()
    names = ("amount", "total", "unit_amount", "fee", "net")
    found = (value for name, value in resource.items() if name.startswith(names))
    return {value for value in found if isinstance(value, int) and value >= 1000}


def _payloads() -> list[Path]:
    return [path for path in sorted(PAYLOADS.rglob("*.json")) if path.name != "index.json"]


@pytest.mark.thorough
@pytest.mark.skipif(not PAYLOADS.exists(), reason="the recorded payloads lie outside the project")
@for_each(_payloads(), name=lambda path: f"{path.parent.name}-{path.stem}")
def test_payloads_read_well(path: Path) -> None:
    body = json.loads(path.read_text("utf-8"))
    result = rendered(body)
    assert_reads_well(result)
    if result.message is not None and body["livemode"] is False:
        assert result.message.text.endswith("(test)")


# Texts of the main ones

CASES = [
    ("charge.succeeded", ["Payment of €48.50 from Mara Lindqvist succeeded", "Order 1042", "Visa •••• 4242"]),
    ("charge.failed", ["Payment of $129.00 from Yuki Tanaka failed: insufficient funds", "Mastercard •••• 5100"]),
    ("charge.pending", ["is pending", "SEPA debit •••• 3000"]),
    (
        "charge.captured",
        ["Payment of £155.00 from Owen Achterberg was captured", "Authorized\n£180.00|Authorized £180.00"],
    ),
    ("charge.refunded", ["€12.00 of a payment of €48.50 refunded to Mara Lindqvist", "€36.50"]),
    ("charge.refund.updated", ["Refund of $99.00 for a payment failed: the card has expired or was canceled"]),
    ("refund.failed", ["failed: the card was reported lost or stolen", "back in your balance"]),
    ("payment_intent.payment_failed", ["Payment of $129.00 from Yuki Tanaka failed: insufficient funds"]),
    ("payment_intent.canceled", ["was canceled: the customer abandoned it"]),
    ("payment_intent.partially_funded", ["Payment of ¥480,000", "¥180,000"]),
    (
        "charge.dispute.created",
        ["Owen Achterberg disputes a payment of $99.00: product not received", "$15.00", "2026-12-02"],
    ),
    ("charge.dispute.closed", ["The dispute over a payment of $99.00 from Owen Achterberg was lost"]),
    ("charge.dispute.updated", ["is under review by the bank", "submitted"]),
    ("charge.dispute.funds_withdrawn", ["$99.00 withdrawn from your balance"]),
    ("radar.early_fraud_warning.created", ["Early fraud warning for a payment: unauthorized use of a card", "refund"]),
    ("checkout.session.completed", ["Yuki Tanaka paid $57.60 at checkout", "order-1043", "$6.40"]),
    ("checkout.session.expired", ["yuki@example.com left the checkout unfinished: $64.00"]),
    ("invoice.paid", ["Mara Lindqvist paid invoice HRB-2031: €93.48", "4 × Crew (at €19.00 / month): €76.00"]),
    ("invoice.payment_failed", ["Payment of €93.48 from Mara Lindqvist for invoice HRB-2031 failed", "Next attempt"]),
    ("invoice.finalization_failed", ["could not be finalized", "Set a valid customer address"]),
    ("invoice.overdue", ["Invoice HRB-2031 for €93.48 to Mara Lindqvist is overdue"]),
    ("invoice.overpaid", ["Invoice HRB-2031 to Mara Lindqvist was overpaid by €6.52"]),
    ("invoice.upcoming", ["Invoice for €93.48 to Mara Lindqvist is coming up"]),
    ("customer.subscription.created", ["New subscription to Crew for 4 × €19.00 a month, on trial"]),
    ("customer.subscription.updated", ["changed to Crew", "Solo → Crew", "€9.00 a month → 4 × €19.00 a month"]),
    ("customer.subscription.deleted", ["ended: the customer asked for it", "another supplier", "switched to another"]),
    ("customer.updated", ["mara@example.com → mara.lindqvist@example.com", "€15.00"]),
    ("payout.created", ["Payout of €12,847.30 to your bank account is on its way", "Arrives"]),
    ("payout.failed", ["Payout of €12,847.30 to your bank account failed: the bank account is closed"]),
    (
        "account.updated",
        ["Northside Bakery cannot take payments and cannot receive payouts any more", "a bank account for payouts"],
    ),
    ("setup_intent.setup_failed", ["could not be saved: declined by the bank, which gives no reason (test)"]),
    ("v1.invoice.paid", ["Invoice was paid", "v1.invoice.paid"]),
    ("v2.core.event_destination.ping", ["Stripe sent a ping", "(test)"]),
    (
        "treasury.outbound_payment.failed",
        ["Outbound payment of $320.00 to Quayside Lettings failed", "Rent for November"],
    ),
]


@pytest.mark.parametrize(("event_type", "phrases"), CASES, ids=[case[0] for case in CASES])
def test_the_message_of_a_sample_contains_its_key_phrases(event_type: str, phrases: list[str]) -> None:
    text = text_of(sample(event_type))
    for phrase in phrases:
        assert any(wording in text for wording in phrase.split("|")), text


@pytest.mark.parametrize("previous", [True, 7, 1.5, "x", [[1, 2]], [1]])
@pytest.mark.parametrize(
    "event_type", ["account.updated", "product.updated", "customer.subscription.updated", "refund.updated"]
)
def test_an_invalid_list_of_changes_still_renders_a_message(event_type: str, previous: object) -> None:
    body = sample(event_type)
    assert isinstance(body["data"], dict)
    assert rendered({**body, "data": {**body["data"], "previous_attributes": previous}}).error is None


def test_an_invoice_of_an_older_api_version_links_its_subscription() -> None:
    body = changed("invoice.paid", parent=None, subscription="sub_1")
    assert "https://dashboard.stripe.com/subscriptions/sub_1" in posted(body)


def test_links_lead_to_the_payment_before_the_charge_and_to_the_connected_account() -> None:
    text = posted({**sample("charge.failed"), "account": "acct_9"})
    assert "https://dashboard.stripe.com/acct_9/payments/pi_" in text
    assert "https://dashboard.stripe.com/acct_9/customers/cus_" in text
    assert "/ch_" not in text


# Skipped events


@pytest.mark.parametrize(
    "body",
    [
        changed("charge.updated"),
        changed("invoice.updated"),
        changed("invoice.paid", total=0, amount_paid=0, amount_due=0),
        changed("invoice.created", total=0, amount_due=0),
        changed("refund.updated"),
        changed("payout.updated", {"trace_id": {}}),
        changed("customer.updated", {"invoice_settings": {}, "next_invoice_sequence": 1}),
        changed("customer.subscription.updated", {"latest_invoice": "in_0"}),
        changed("account.updated", {"settings": {}}),
    ],
    ids=lambda body: str(body["type"]),
)
def test_bookkeeping_is_skipped_with_a_reason(body: dict[str, object]) -> None:
    result = rendered(body)
    assert result.message is None
    assert result.skip


@pytest.mark.parametrize(
    "body",
    [
        changed("charge.updated", {"description": "old"}),
        changed("charge.updated", {"fraud_details": {}}),
        changed("invoice.updated", {"total": 100}),
        changed("invoice.updated", {"status": "draft"}),
        changed("invoice.paid", total=0, amount_paid=100),
        changed("invoice.payment_failed", total=0),
        changed("refund.updated", {"status": "pending"}),
        changed("payout.updated", {"arrival_date": 1}),
        changed("customer.updated", {"delinquent": False}, delinquent=True),
        changed("customer.subscription.updated", {"status": "trialing"}),
        changed("account.updated", {"requirements": {}}),
    ],
    ids=lambda body: str(body["type"]),
)
def test_important_events_are_never_skipped(body: dict[str, object]) -> None:
    result = rendered(body)
    assert_reads_well(result)
    assert result.message is not None


@pytest.mark.thorough
@for_each(SAMPLES, name=lambda one: one.type)
def test_without_previous_values_nothing_is_skipped(one: Sample) -> None:
    body = sample(one.type)
    if isinstance(body.get("data"), dict):
        assert isinstance(body["data"], dict)
        body["data"].pop("previous_attributes", None)
    assert rendered(body).message is not None


# Hostile input

HOSTILE = "<!channel> <@U012AB3CD> <https://evil.example.com|x> *b* `c` {{ 7*7 }} & | \n> q"


def hostile(value: object) -> object:
    if isinstance(value, dict):
        return {name: hostile(inner) if name not in ("object", "type") else inner for name, inner in value.items()}
    if isinstance(value, list):
        return [hostile(inner) for inner in value]
    return HOSTILE if isinstance(value, str) else value


@pytest.mark.thorough
@for_each(SAMPLES, name=lambda one: one.type)
def test_no_text_of_a_payload_mentions_or_links(one: Sample) -> None:
    result = rendered(hostile(one.body))
    assert result.error is None
    if result.message is None:
        return
    posted = json.dumps(result.message.body(), ensure_ascii=False)
    for never in ("<!channel>", "<@U", "<https://evil", "49"):
        assert never not in re.sub(r"<!date[^>]*>|https://[^|>\"]*", "", posted)


@pytest.mark.thorough
@for_each(SAMPLES, name=lambda one: one.type)
def test_a_payload_of_nulls_still_makes_a_message(one: Sample) -> None:
    body = sample(one.type)
    if "data" in body:
        body["data"] = {"object": dict.fromkeys(map_at(body, "data", "object"), None)}
    result = rendered(body)
    assert_reads_well(result)
    assert result.message is not None


_SCALARS = st.none() | st.booleans() | st.integers(-(10**25), 10**25) | st.floats() | st.text(max_size=8)
_JUNK = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["id", "data", "type"]), inner, max_size=2)
    ),
    max_leaves=4,
)


@pytest.mark.thorough
@given(st.data())
@settings(max_examples=150, deadline=None)
def test_no_shape_of_a_payload_makes_a_template_fail(data: st.DataObject) -> None:
    body = sample(data.draw(st.sampled_from(SAMPLES)).type)
    places = sorted(_places(body))
    for path in data.draw(st.lists(st.sampled_from(places), min_size=1, max_size=6, unique=True)):
        holder = at(body, *path[:-1])
        if isinstance(holder, dict):
            holder[path[-1]] = data.draw(_JUNK)
    event = event_of(body)
    result = render(event, templates())
    assert result.error is None


@pytest.mark.thorough
@given(st.data())
@settings(max_examples=200, deadline=None)
def test_no_sentence_has_a_gap_with_any_field_missing(data: st.DataObject) -> None:
    body = sample(data.draw(st.sampled_from(SAMPLES)).type)
    places = sorted(path for path in _places(body) if path[0] == "data")
    for path in data.draw(st.lists(st.sampled_from(places), max_size=30, unique=True)) if places else []:
        holder = at(body, *path[:-1])
        if isinstance(holder, dict):
            holder[path[-1]] = data.draw(st.sampled_from([None, "", 0, [], {}]))
    assert_reads_well(rendered(body))


def _places(value: object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield (*path, name)
            yield from _places(inner, (*path, name))
