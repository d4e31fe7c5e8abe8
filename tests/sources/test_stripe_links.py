"""Tests of Stripe's links, for objects that the Dashboard shows best on the page of another."""

import json
from collections.abc import Mapping

import pytest

from bridge.events import Event, Request
from bridge.sources.stripe.provider import PROVIDER

NOW = 1_795_392_000.0


def event_of(body: object) -> Event:
    asked = Request("POST", "https://hooks.example.com", {}, json.dumps(body).encode())
    (event,) = PROVIDER.events(asked, "stripe", NOW)
    return event


def snapshot(event_type: str, resource: Mapping[str, object]) -> dict[str, object]:
    return {"id": "evt_1", "object": "event", "type": event_type, "livemode": True, "data": {"object": resource}}


@pytest.mark.parametrize(
    ("event_type", "resource", "page"),
    [
        ("billing.credit_grant.created", {"object": "billing.credit_grant", "customer": "cus_1"}, "customers/cus_1"),
        (
            "billing.credit_balance_transaction.created",
            {"object": "billing.credit_balance_transaction", "debit": {"credits_applied": {"invoice": "in_1"}}},
            "invoices/in_1",
        ),
        (
            "customer_cash_balance_transaction.created",
            {
                "object": "customer_cash_balance_transaction",
                "customer": "cus_1",
                "applied_to_payment": {"payment_intent": "pi_1"},
            },
            "payments/pi_1",
        ),
        (
            "customer_cash_balance_transaction.created",
            {"object": "customer_cash_balance_transaction", "customer": "cus_1"},
            "customers/cus_1",
        ),
        (
            "financial_connections.account.deactivated",
            {"object": "financial_connections.account", "account_holder": {"customer": "cus_1"}},
            "customers/cus_1",
        ),
        ("issuing_token.created", {"object": "issuing.token", "card": "ic_1"}, "issuing/cards/ic_1"),
        ("reserve.hold.created", {"object": "reserve.hold", "source_charge": "ch_1"}, "payments/ch_1"),
        ("reserve.hold.created", {"object": "reserve.hold", "source_charge": None}, "events/evt_1"),
        ("treasury.outbound_payment.failed", {"object": "treasury.outbound_payment"}, "events/evt_1"),
    ],
)
def test_the_page_that_shows_it_best(event_type: str, resource: dict[str, object], page: str) -> None:
    body = snapshot(event_type, {"id": "x_1", **resource})
    assert event_of(body).url == f"https://dashboard.stripe.com/{page}"


@pytest.mark.parametrize(
    "related",
    [None, {"id": "person_1", "type": "v2.core.account_person", "url": "/v2/core/accounts/acct_9/persons/person_1"}],
)
def test_a_thin_event_of_an_account_leads_there_where_it_names_a_person_or_nothing(related: object) -> None:
    body = {
        "id": "evt_9",
        "object": "v2.core.event",
        "type": "v2.core.account_person.created" if related else "v2.core.account_link.returned",
        "data": {"account_id": "acct_9"},
        "related_object": related,
    }
    event = event_of(body)
    assert (event.subject, event.url) == ("acct_9", "https://dashboard.stripe.com/connect/accounts/acct_9")


def test_a_name_takes_precedence_over_every_address() -> None:
    error = {"payment_method": {"billing_details": {"name": "Yuki", "email": "card@example.com"}}}
    body = snapshot("payment_intent.payment_failed", {"receipt_email": "yuki@example.com", "last_payment_error": error})
    assert event_of(body).actor == "Yuki"


def test_a_payment_intent_of_an_older_api_version_names_its_charges_owner() -> None:
    charges = {"data": [{"billing_details": {"name": "Mara", "email": "mara@example.com"}}]}
    assert event_of(snapshot("payment_intent.succeeded", {"charges": charges})).actor == "Mara"
