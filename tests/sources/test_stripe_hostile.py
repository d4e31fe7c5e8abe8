"""Tests that any body of a verified sender gives an event of Stripe or raises Malformed."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.core.payload import text_at
from bridge.events import Event, Request
from bridge.samples import samples
from bridge.sources import Malformed
from bridge.sources.stripe.provider import PROVIDER

NOW = 1_795_392_000.0
_SAMPLES = [sample for sample in samples().values() if sample.provider == "stripe"]
TYPES = [sample.type for sample in _SAMPLES]
KINDS = sorted({text_at(sample.body, "data", "object", "object") for sample in _SAMPLES})

_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from([10**400, -(2**63), "<!channel>", "\ud800", "x" * 3000, "active", "paid", "usd", "1e999"])
)
# fmt: off
_FIELDS = st.sampled_from([
    "object", "id", "amount", "amount_paid", "amount_refunded", "amount_total", "currency", "status", "customer",
    "customer_name", "items", "data", "price", "plan", "recurring", "interval", "interval_count", "unit_amount",
    "quantity", "nickname", "charge", "payment_intent", "invoice", "parent", "reason", "requirements",
    "currently_due", "cancel_at_period_end", "cancel_at", "current_period_end", "available", "billing_details",
    "name", "email", "outcome", "failure_code", "last_payment_error", "decline_code", "message", "card", "last4",
    "brand", "exp_month", "exp_year", "percent_off", "subscription_details", "subscription", "charges_enabled",
    "previous_attributes", "trial_end", "arrival_date", "attempt_count", "number", "description", "code", "coupon",
    "customer_details", "evidence", "source", "owner", "charges", "business_profile", "display_name",
])
# fmt: on
_VALUES = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_FIELDS, inner, max_size=5), max_leaves=15
)
_OBJECTS = st.dictionaries(_FIELDS, _VALUES, max_size=8)


def events_of(raw: bytes) -> list[Event]:
    return PROVIDER.events(Request("POST", "https://hooks.example.com", {}, raw), "stripe", NOW)


def check(event: Event) -> None:
    line = PROVIDER.line(event)
    assert line
    assert event.subject
    assert event.type
    assert len(line) <= 300
    assert len(event.name) <= 100
    assert len(event.subject) <= 200
    assert len(event.actor) <= 120
    assert len(event.url) < 1000
    for text in (line, event.name, event.subject, event.type, event.actor, event.url, *event.keys):
        assert text.encode().decode() == text
        assert text.isprintable() or "\u200d" in text
    assert not event.url or event.url.startswith("https://dashboard.stripe.com/")
    assert event.url.isascii()


@pytest.mark.slow
@given(st.sampled_from(TYPES), st.sampled_from(KINDS), _OBJECTS, _VALUES)
@settings(max_examples=400, deadline=None)
def test_every_type_reads_every_shape(
    event_type: str, kind: str, resource: dict[str, object], previous: object
) -> None:
    resource = {"object": kind} | resource
    body = {"id": "evt_1", "type": event_type, "data": {"object": resource, "previous_attributes": previous}}
    (event,) = events_of(json.dumps(body).encode())
    check(event)


@pytest.mark.slow
@given(st.dictionaries(st.sampled_from(["id", "type", "created", "account", "context", "livemode", "data"]), _VALUES))
@settings(max_examples=200, deadline=None)
def test_every_envelope_is_read(body: dict[str, object]) -> None:
    (event,) = events_of(json.dumps(body).encode())
    check(event)


@given(st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_bytes_become_an_event_or_are_malformed(raw: bytes) -> None:
    try:
        found = events_of(raw)
    except Malformed:
        return
    for event in found:
        check(event)


def test_depth_and_numbers_past_all_bounds_are_read_or_refused() -> None:
    for raw in (
        b'{"type":"charge.failed","data":' + b'{"object":' * 10_000 + b"1" + b"}" * 10_001,
        b'{"type":"charge.failed","created":1e400,"data":{"object":{"amount":1e400,"currency":"usd"}}}',
        b'{"type":"charge.failed","data":{"object":{"amount":' + b"9" * 5000 + b',"currency":"usd"}}}',
        b'{"type":"a\\ud800b","id":"\\ud800","data":{"object":{"id":"\\u0000"}}}',
        b'{"type":"x","type":"charge.failed"}',
    ):
        try:
            found = events_of(raw)
        except Malformed:
            continue
        for event in found:
            check(event)
