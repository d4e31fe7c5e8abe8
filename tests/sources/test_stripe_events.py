"""Tests of Stripe's events, for every sample and every payload at hand."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
import stripe

from bridge.core.payload import text_at, true_at
from bridge.events import Event, Request
from bridge.samples import Sample, sample_event, samples
from bridge.sources import Malformed
from bridge.sources.stripe.provider import PROVIDER
from tests.walks import for_each

NOW = 1_795_392_000.0
SECRET = "whsec_4uPq9TzExampleExampleExample01"
PAYLOADS = Path(__file__).parents[2].parent / "shared" / "payloads" / "stripe"
SAMPLES = [sample for sample in samples().values() if sample.provider == "stripe"]


def event_of(body: object, source: str = "stripe") -> Event:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    (event,) = PROVIDER.events(Request("POST", "https://hooks.example.com", {}, raw), source, NOW)
    return event


def snapshot(event_type: str, resource: Mapping[str, object] | None = None, **more: object) -> dict[str, object]:
    data: dict[str, object] = {"object": resource or {}}
    if "previous_attributes" in more:
        data["previous_attributes"] = more.pop("previous_attributes")
    return {
        "id": "evt_1",
        "object": "event",
        "type": event_type,
        "livemode": True,
        "created": 1795391999,
        "data": data,
    } | more


# Samples


@pytest.mark.thorough
@for_each(SAMPLES, name=lambda sample: sample.type)
def test_a_sample_is_a_whole_event_that_stripes_library_verifies_too(sample: Sample) -> None:
    asked = PROVIDER.request_for(sample.type, sample.body, SECRET, NOW)
    PROVIDER.verify(asked, [SECRET], NOW)
    header = asked.header("stripe-signature")
    assert stripe.WebhookSignature.verify_header(asked.body, header, SECRET, tolerance=None)
    event = sample_event(sample, "stripe-eu", NOW)
    assert event.type == sample.type == text_at(sample.body, "type")
    assert (event.provider, event.source, event.received_at) == ("stripe", "stripe-eu", NOW)
    assert event.occurred_at == 1795431600.0
    assert event.test is not true_at(sample.body, "livemode")
    assert event.url.startswith("https://dashboard.stripe.com/")
    assert ("/test/" in event.url) == event.test
    assert event.subject
    assert event.name == event.name.strip()


def test_the_samples_hold_every_family() -> None:
    families = {sample.type.split(".")[0] for sample in SAMPLES}
    assert families >= {"charge", "payment_intent", "invoice", "customer", "checkout", "payout", "refund", "v1", "v2"}


def test_the_samples_hold_no_address_of_a_real_person() -> None:
    for sample in SAMPLES:
        text = json.dumps(sample.body)
        assert text.count("@") == text.count("@example.com"), sample.type


def test_every_sample_has_its_own_keys() -> None:
    keys = [sample_event(sample, "stripe", NOW).keys for sample in SAMPLES]
    assert len(set(keys)) == len(SAMPLES)


def _payloads() -> list[Path]:
    return [path for path in sorted(PAYLOADS.rglob("*.json")) if path.name != "index.json"]


@pytest.mark.skipif(not PAYLOADS.exists(), reason="the recorded payloads lie outside the project")
@for_each(_payloads(), name=lambda path: path.stem)
def test_payloads(path: Path) -> None:
    body = json.loads(path.read_text("utf-8"))
    asked = PROVIDER.request_for("", body, SECRET, NOW)
    PROVIDER.verify(asked, [SECRET], NOW)
    (event,) = PROVIDER.events(asked, "stripe", NOW)
    assert event.type == body["type"]
    assert event.subject
    zeros = text_at(body, "id").endswith("0000000000")
    assert event.url.startswith("https://dashboard.stripe.com/") or zeros
    assert "0000000000" not in event.url + event.subject
    assert event.occurred_at is not None
    assert "None" not in PROVIDER.line(event) + event.name


# Dedupe keys


def test_the_same_event_has_the_same_keys_whichever_endpoint_and_layout_it_came_by() -> None:
    body = snapshot("charge.failed")
    assert event_of(body).keys == event_of(json.dumps(body, indent=2).encode()).keys


def test_mode_account_and_id_distinguish_events() -> None:
    bodies = [
        snapshot("charge.failed"),
        snapshot("charge.failed", livemode=False),
        snapshot("charge.failed", account="acct_1"),
        snapshot("charge.failed", context="acct_2"),
        snapshot("charge.failed", id="evt_2"),
    ]
    assert len({event_of(body).keys for body in bodies}) == len(bodies)


def test_an_event_without_an_id_goes_by_its_body() -> None:
    first, second = snapshot("charge.failed", id=None), snapshot("charge.failed", id=None, created=1)
    assert event_of(first).keys == event_of(first).keys
    assert event_of(first).keys != event_of(second).keys


def test_a_dashboard_test_sent_twice_is_two_events_and_a_replay_is_none() -> None:
    body = snapshot("charge.failed", id="evt_00000000000000")
    keys = [
        PROVIDER.events(PROVIDER.request_for("", body, SECRET, signed), "stripe", NOW)[0].keys
        for signed in (NOW, NOW, NOW + 1)
    ]
    assert keys[0] == keys[1]
    assert not {*keys[1]} & {*keys[2]}


def test_keys_take_little_room_however_long_an_id_is() -> None:
    assert all(len(key) < 220 for key in event_of(snapshot("x", id="evt_" + "9" * 90_000)).keys)


# Subjects and links


@pytest.mark.parametrize(
    ("event_type", "resource"),
    [
        ("payment_intent.succeeded", {"object": "payment_intent", "id": "pi_1"}),
        ("charge.failed", {"object": "charge", "id": "ch_1", "payment_intent": "pi_1"}),
        ("charge.failed", {"object": "charge", "id": "ch_1", "payment_intent": {"id": "pi_1"}}),
        ("charge.dispute.created", {"object": "dispute", "id": "du_1", "charge": "ch_1", "payment_intent": "pi_1"}),
        ("refund.created", {"object": "refund", "id": "re_1", "charge": "ch_1", "payment_intent": "pi_1"}),
        ("review.opened", {"object": "review", "id": "prv_1", "payment_intent": "pi_1"}),
        ("radar.early_fraud_warning.created", {"object": "radar.early_fraud_warning", "payment_intent": "pi_1"}),
    ],
)
def test_all_that_befalls_a_payment_is_about_its_payment_intent(
    event_type: str, resource: Mapping[str, object]
) -> None:
    event = event_of(snapshot(event_type, resource))
    assert event.subject == "pi_1"
    assert event.url == "https://dashboard.stripe.com/payments/pi_1"


@pytest.mark.parametrize(
    ("event_type", "resource", "subject"),
    [
        ("charge.failed", {"object": "charge", "id": "ch_1", "payment_intent": None}, "ch_1"),
        ("charge.dispute.closed", {"object": "dispute", "id": "du_1", "charge": "ch_1"}, "ch_1"),
        ("refund.created", {"object": "refund", "id": "re_1"}, "re_1"),
        ("invoice.paid", {"object": "invoice", "id": "in_1", "customer": "cus_1"}, "in_1"),
        ("invoice_payment.paid", {"object": "invoice_payment", "id": "inpay_1", "invoice": "in_1"}, "in_1"),
        ("credit_note.created", {"object": "credit_note", "id": "cn_1", "invoice": "in_1"}, "in_1"),
        (
            "invoice.upcoming",
            {"object": "invoice", "parent": {"subscription_details": {"subscription": "sub_1"}}, "customer": "cus_1"},
            "sub_1",
        ),
        ("invoice.upcoming", {"object": "invoice", "subscription": "sub_1", "customer": "cus_1"}, "sub_1"),
        ("invoice.upcoming", {"object": "invoice", "customer": "cus_1"}, "cus_1"),
        ("customer.subscription.updated", {"object": "subscription", "id": "sub_1", "customer": "cus_1"}, "sub_1"),
        ("customer.discount.created", {"object": "discount", "id": "di_1", "customer": "cus_1"}, "cus_1"),
        ("customer.source.expiring", {"object": "card", "id": "card_1", "customer": "cus_1"}, "cus_1"),
        ("customer.updated", {"object": "customer", "id": "cus_1"}, "cus_1"),
        ("account.updated", {"object": "account", "id": "acct_1"}, "acct_1"),
        ("capability.updated", {"object": "capability", "id": "card_payments", "account": "acct_1"}, "acct_1"),
        ("balance.available", {"object": "balance"}, "balance.available"),
        ("something.new", {}, "something.new"),
    ],
)
def test_the_subject_stays_the_same_over_a_things_life(
    event_type: str, resource: Mapping[str, object], subject: str
) -> None:
    assert event_of(snapshot(event_type, resource)).subject == subject


def test_a_balance_is_about_its_account() -> None:
    event = event_of(snapshot("balance.available", {"object": "balance"}, account="acct_1"))
    assert event.subject == "acct_1"


@pytest.mark.parametrize(
    ("more", "url"),
    [
        ({}, "https://dashboard.stripe.com/invoices/in_1"),
        ({"livemode": False}, "https://dashboard.stripe.com/test/invoices/in_1"),
        ({"account": "acct_9"}, "https://dashboard.stripe.com/acct_9/invoices/in_1"),
        ({"account": "acct_9", "livemode": False}, "https://dashboard.stripe.com/acct_9/test/invoices/in_1"),
        ({"account": "acct_9/../x"}, "https://dashboard.stripe.com/invoices/in_1"),
    ],
)
def test_the_link_leads_to_the_right_mode_and_account(more: dict[str, object], url: str) -> None:
    assert event_of(snapshot("invoice.paid", {"object": "invoice", "id": "in_1"}, **more)).url == url


def test_a_connected_account_is_described_from_the_platforms_side() -> None:
    event = event_of(snapshot("account.updated", {"object": "account", "id": "acct_9"}, account="acct_9"))
    assert event.url == "https://dashboard.stripe.com/connect/accounts/acct_9"


def test_an_object_without_a_page_links_to_its_event() -> None:
    assert event_of(snapshot("file.created", {"object": "file", "id": "file_1"})).url.endswith(".com/events/evt_1")
    assert event_of(snapshot("file.created", {"object": "file", "id": "file_1"}, id=None)).url == ""


def test_an_id_cannot_leave_its_place_in_the_link() -> None:
    event = event_of(snapshot("coupon.created", {"object": "coupon", "id": "../a?b#c|<d> é"}))
    assert event.url == "https://dashboard.stripe.com/coupons/..%2Fa%3Fb%23c%7C%3Cd%3E%20%C3%A9"


# Thin events


def test_a_thin_event_is_about_the_object_that_it_names() -> None:
    event = event_of(
        {
            "id": "evt_9",
            "object": "v2.core.event",
            "type": "v1.invoice.paid",
            "livemode": False,
            "created": "2026-11-23T00:00:00.000Z",
            "related_object": {"id": "in_1", "type": "invoice", "url": "/v1/invoices/in_1"},
        }
    )
    assert (event.subject, event.name, PROVIDER.line(event)) == ("in_1", "", "Stripe invoice paid")
    assert event.url == "https://dashboard.stripe.com/test/invoices/in_1"
    assert event.occurred_at == NOW
    assert event.test


def test_a_type_with_brackets_is_kept_as_it_is() -> None:
    event = event_of(snapshot("v2.core.account[configuration.courier].updated"))
    assert event.type == "v2.core.account[configuration.courier].updated"
    assert PROVIDER.line(event) == "Stripe account configuration courier updated"


# Times


@pytest.mark.parametrize(
    ("created", "occurred_at"),
    [
        (1795392000, NOW),
        ("2026-11-23T00:00:00.000Z", NOW),
        ("2026-11-23T01:00:00+01:00", NOW),
        ("2026-11-23T00:00:00", NOW),
        (0, 0.0),
        (-1, None),
        (10**400, None),
        ("yesterday", None),
        ("0001-01-01T00:00:00+23:59", None),
        (None, None),
        (True, None),
        ([1], None),
    ],
)
def test_the_time_is_read_in_both_forms_and_never_guessed(created: object, occurred_at: float | None) -> None:
    assert event_of(snapshot("x", created=created)).occurred_at == occurred_at


# Names, lines and people


@pytest.mark.parametrize(
    ("event_type", "resource", "name", "line"),
    [
        ("invoice.paid", {"object": "invoice", "number": "A-1"}, "A-1", "Stripe invoice paid: A-1"),
        ("invoice.created", {"object": "invoice", "number": None}, "", "Stripe invoice created"),
        ("product.updated", {"object": "product", "name": "Mug"}, "Mug", "Stripe product updated: Mug"),
        ("coupon.created", {"object": "coupon", "id": "10OFF", "name": None}, "10OFF", "Stripe coupon created: 10OFF"),
        ("plan.created", {"object": "plan", "name": "Crew"}, "Crew", "Stripe plan created: Crew"),
        ("charge.dispute.created", {"object": "dispute", "reason": "x"}, "", "Stripe charge dispute created"),
        ("charge.failed", {"object": "charge", "description": "Order\n7"}, "Order 7", "Stripe charge failed: Order 7"),
        ("customer.deleted", {"object": "customer", "email": "a@example.com"}, "a@example.com", None),
        ("file.created", {"object": "file", "filename": ["x"]}, "", "Stripe file created"),
        ("", {}, "", "Stripe unknown"),
    ],
)
def test_the_name_is_what_the_owner_calls_it(
    event_type: str, resource: Mapping[str, object], name: str, line: str | None
) -> None:
    event = event_of(snapshot(event_type, resource))
    assert event.name == name
    assert PROVIDER.line(event) == line or line is None


def test_names_and_lines_are_short() -> None:
    event = event_of(snapshot("invoice.sent" * 90, {"object": "invoice", "number": "A\n1" * 50_000}))
    assert len(event.name) <= 100
    assert len(PROVIDER.line(event)) <= 300
    assert "\n" not in PROVIDER.line(event)


@pytest.mark.parametrize(
    ("resource", "actor"),
    [
        ({"billing_details": {"name": "Ada", "email": "ada@example.com"}}, "Ada"),
        ({"billing_details": {"name": None, "email": "ada@example.com"}}, "ada@example.com"),
        ({"customer_name": "Ada", "customer_email": "ada@example.com"}, "Ada"),
        ({"object": "customer", "name": None, "email": "ada@example.com"}, "ada@example.com"),
        ({"object": "customer", "name": None, "individual_name": "Ada"}, "Ada"),
        ({"object": "person", "first_name": "Ada", "last_name": "L"}, "Ada L"),
        ({"customer": "cus_1"}, ""),
        ({"billing_details": []}, ""),
        ({"source": {"object": "card", "name": "Ada"}}, "Ada"),
        ({"customer": {"name": "Ada"}}, "Ada"),
        ({"charges": {"data": [{"billing_details": {"name": "Ada"}}]}}, "Ada"),
        ({"evidence": {"customer_name": "Ada", "customer_email_address": "a@example.com"}}, "Ada"),
        ({"last_payment_error": {"payment_method": {"billing_details": {"email": "a@example.com"}}}}, "a@example.com"),
        ({"receipt_email": "a@example.com", "customer": "cus_1"}, "a@example.com"),
        ({"billing_details": {"name": " "}, "customer_name": "Ada"}, "Ada"),
    ],
)
def test_the_actor_is_the_customer_by_name_or_address(resource: Mapping[str, object], actor: str) -> None:
    assert event_of(snapshot("x", resource)).actor == actor


# Bodies without an event


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"1", b'"evt_1"', b"{", b"t=1,v1=2", b"\xff\xfe", b"[" * 10_000])
def test_a_body_that_is_not_a_json_object_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        event_of(body)


def test_an_empty_object_still_becomes_an_event() -> None:
    event = event_of(b"{}")
    assert (event.type, event.subject, event.url, event.actor) == ("unknown", "unknown", "", "")
    assert event.keys
    assert not event.test


def test_only_livemode_false_is_test_mode() -> None:
    assert [event_of(snapshot("x", livemode=mode)).test for mode in (True, False, None, 0)] == [
        False,
        True,
        False,
        False,
    ]
