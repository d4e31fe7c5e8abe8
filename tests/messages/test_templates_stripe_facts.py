"""Tests that Stripe's messages say every change, take nothing missing for a fact, and read old API versions."""

import json
from pathlib import Path

import pytest

from tests.messages.stripe_bodies import changed, event_of, posted, rendered, sample, text_of, title

CASES = Path(__file__).parents[2].parent / "shared" / "cases"
ZEROS = "0" * 14


# Cases that were found in running services


@pytest.mark.skipif(not CASES.exists(), reason="the shared cases are not beside this checkout")
def test_shared_cases() -> None:
    invoice = json.loads((CASES / "stripe-invoice-settled-from-credit.json").read_text("utf-8"))
    assert "nothing was charged: $20.00 was taken from the customer's credit" in title(invoice)
    assert ":white_check_mark:" not in title(invoice)
    trial = json.loads((CASES / "stripe-trial-given-to-an-active-subscription.json").read_text("utf-8"))
    assert "is now on trial until 2026-05-27, was active" in title(trial)
    first, second = json.loads((CASES / "stripe-two-dashboard-test-events.json").read_text("utf-8"))
    assert not set(event_of(first).keys) & set(event_of(second).keys)


# The changes of a subscription

PLAN = {"nickname": "Crew", "unit_amount": 1900, "currency": "eur", "recurring": {"interval": "month"}}
SMALL = {"nickname": "Solo", "unit_amount": 900, "currency": "eur", "recurring": {"interval": "month"}}
BASE: dict[str, object] = {
    "status": "active",
    "items": {"data": [{"price": PLAN, "quantity": 4}]},
    "cancel_at": None,
    "cancel_at_period_end": False,
    "trial_end": None,
    "discounts": [],
    "pause_collection": None,
}


def updated(before: dict[str, object], **now: object) -> str:
    return text_of(changed("customer.subscription.updated", before, **(BASE | now)))


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        ({"status": "active", "trial_end": None}, {"status": "trialing"}, "is now on trial until 2026-12-23, was acti"),
        ({"trial_end": None}, {}, "was given: it ends on 2026-12-23"),
        ({"trial_end": 1797379200}, {}, "2026-12-16 → 2026-12-23"),
        ({"trial_end": 1797379200}, {"trial_end": None}, "was taken away"),
        ({"trial_end": 1797379200, "status": "trialing"}, {"trial_end": None}, "2026-12-16 → no trial"),
    ],
)
def test_a_trial_is_said_with_its_end(before: dict[str, object], now: dict[str, object], expected: str) -> None:
    assert expected in updated(before, **({"trial_end": 1797984000} | now))


def test_every_change_at_once_is_said() -> None:
    before = {
        "status": "trialing",
        "items": {"data": [{"price": SMALL, "quantity": 1}]},
        "cancel_at_period_end": False,
        "pause_collection": None,
        "discounts": [],
        "trial_end": 1797379200,
        "collection_method": "charge_automatically",
        "description": None,
        "tax_percent": 19,
    }
    text = updated(
        before,
        cancel_at_period_end=True,
        cancel_at=1797984000,
        pause_collection={"behavior": "void"},
        discounts=["di_1"],
        collection_method="send_invoice",
        description="Autumn terms",
        tax_percent=20,
    )
    for expected in (
        "is now active, was on trial",
        "Solo → Crew",
        "€9.00 a month → 4 × €19.00 a month",
        "Ends\n2026-12-23",
        "Collecting payments\npaused",
        "Discount\ngot a discount",
        "2026-12-16 → no trial",
        "charge automatically → send invoice",
        "none → Autumn terms",
        "19 → 20",
    ):
        assert expected in text, text


def test_a_change_that_waits_for_its_payment_is_said() -> None:
    pending = {"expires_at": 1797984000, "subscription_items": []}
    assert "changes once its latest invoice is paid" in updated({"pending_update": None}, pending_update=pending)


def test_a_reason_given_afterwards_is_said() -> None:
    details = {"comment": "Too many mugs.", "feedback": "too_expensive", "reason": "cancellation_requested"}
    before: dict[str, object] = {"cancellation_details": {"comment": None, "feedback": None}}
    text = updated(before, cancellation_details=details, cancel_at=1797984000)
    assert "Why a subscription to Crew for 4 × €19.00 a month ends: too expensive" in text
    assert "> Too many mugs." in text
    assert rendered(changed("customer.subscription.updated", before, **BASE, cancellation_details={})).skip


def test_an_invoices_note_and_part_payment_are_changes() -> None:
    body = changed("invoice.updated", {"description": "Old", "amount_paid": 0}, description=None, amount_paid=1000)
    assert "Old → none" in text_of(body)
    assert "Paid so far\n€0.00 → €10.00" in text_of(body)


def test_a_capability_of_an_account_is_a_change() -> None:
    body = changed("account.updated", {"capabilities": {"card_payments": "pending"}})
    body["data"]["object"]["capabilities"] = {"card_payments": "active"}  # type: ignore[index]
    assert "Capabilities card payments\npending → active" in text_of(body)


def test_a_subscription_that_an_update_cancels_says_why() -> None:
    text = updated({"status": "active"}, status="canceled", cancellation_details={"reason": "payment_failed"})
    assert "is now canceled, was active" in text
    assert "Why\nthe payment failed" in text


def test_an_invoice_is_due_at_once() -> None:
    fields = {"collection_method": "send_invoice", "days_until_due": 0}
    assert "by invoice, due at once" in text_of(changed("customer.subscription.created", None, **fields))


def test_another_account_for_a_payout_is_said() -> None:
    body = changed(
        "payout.updated", {"destination": "ba_1Old", "statement_descriptor": "OLD"}, statement_descriptor="N"
    )
    assert "Destination\nchanged" in text_of(body)
    assert "OLD → N" in text_of(body)
    assert "ba_1Old" not in posted(body)


@pytest.mark.parametrize(
    ("event_type", "expected"),
    [
        ("payment_intent.created", "(moon phase)"),
        ("payout.created", "(moon phase)"),
        ("topup.created", "(moon phase)"),
        ("transfer.created", "(moon phase)"),
        ("invoice.sent", "(moon phase)"),
        ("customer.subscription.created", "(moon phase)"),
        ("quote.created", "(moon phase)"),
        ("coupon.created", "(moon phase)"),
        ("charge.failed", ": moon phase ($129.00)"),
    ],
)
def test_a_new_type_of_a_known_thing_claims_nothing(event_type: str, expected: str) -> None:
    new = f"{event_type.rpartition('.')[0]}.moon_phase"
    text = title(changed(event_type, None) | {"type": new})
    assert text.removesuffix(" (test)").endswith(expected), text
    assert "updated" not in text


def test_an_end_that_moves_is_said() -> None:
    assert "will end on 2026-12-23 instead of 2026-12-16" in updated({"cancel_at": 1797379200}, cancel_at=1797984000)


def test_an_end_without_a_date_is_still_an_end() -> None:
    items = {"data": [{"price": PLAN, "quantity": 1}]}
    text = updated({"cancel_at_period_end": False}, cancel_at_period_end=True, items=items, current_period_end=None)
    assert "will end with its period" in text


@pytest.mark.parametrize(("status", "expected"), [("past_due", ", past due"), ("paused", ", paused")])
def test_a_new_subscription_says_its_state(status: str, expected: str) -> None:
    assert title(changed("customer.subscription.created", None, status=status)).endswith(expected)


# Missing is no fact

UPDATES = [
    "account.updated",
    "charge.updated",
    "customer.updated",
    "customer.subscription.updated",
    "invoice.updated",
    "payout.updated",
    "refund.updated",
    "charge.refund.updated",
]


@pytest.mark.parametrize("event_type", UPDATES)
@pytest.mark.parametrize("previous", [{}, None, []])
def test_an_update_without_its_former_values_is_told(event_type: str, previous: object) -> None:
    body = sample(event_type)
    body["data"]["previous_attributes"] = previous  # type: ignore[index]
    assert rendered(body).message is not None
    del body["data"]["previous_attributes"]  # type: ignore[attr-defined]
    assert rendered(body).message is not None


@pytest.mark.parametrize(
    ("event_type", "previous", "reason"),
    [
        ("customer.subscription.updated", {"latest_invoice": "in_1"}, "latest_invoice"),
        ("customer.updated", {"next_invoice_sequence": 4}, "next_invoice_sequence"),
        ("invoice.updated", {"attempt_count": 0}, "attempt_count"),
        ("account.updated", {"settings": {}}, "settings"),
    ],
)
def test_a_skipped_update_names_what_changed(event_type: str, previous: dict[str, object], reason: str) -> None:
    assert reason in rendered(changed(event_type, previous)).skip
    assert "nothing" not in rendered(changed(event_type, previous)).skip


def test_an_account_has_nothing_left_to_provide_only_where_stripe_says_so() -> None:
    assert "nothing left" in title(changed("account.updated", {"requirements": {}}, requirements={"currently_due": []}))
    assert "nothing left" not in title(changed("account.updated", {"requirements": {}}, requirements={}))


def test_a_trial_has_no_card_only_where_stripe_says_so() -> None:
    body = changed("customer.subscription.trial_will_end", None, default_source=None)
    body["data"]["object"].pop("default_payment_method", None)  # type: ignore[index]
    assert "will fail" not in text_of(body)
    fields = {"default_payment_method": None, "default_source": None}
    assert "will fail" not in text_of(
        changed("customer.subscription.trial_will_end", None, **fields, collection_method="send_invoice")
    )
    settings = {"end_behavior": {"missing_payment_method": "cancel"}}
    assert "will be canceled" in text_of(
        changed("customer.subscription.trial_will_end", None, **fields, trial_settings=settings)
    )


# Ids of zeros, as in the Dashboard's test events


def zeroed(value: object) -> object:
    if isinstance(value, dict):
        return {name: zeroed(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [zeroed(inner) for inner in value]
    prefix, _, rest = value.rpartition("_") if isinstance(value, str) else ("", "", "")
    is_id = prefix in ("evt", "ch", "pi", "in", "cus", "sub", "prod", "price", "re", "acct", "seti", "tr", "po")
    return f"{prefix}_{ZEROS}" if is_id and rest else value


@pytest.mark.parametrize(
    "event_type",
    [
        "charge.failed",
        "invoice.paid",
        "customer.subscription.created",
        "price.created",
        "transfer.created",
        "v1.invoice.paid",
    ],
)
def test_an_id_of_zeros_links_nowhere_and_groups_nothing(event_type: str) -> None:
    body = zeroed(sample(event_type))
    assert ZEROS not in posted(body).replace(f"({'in_' + ZEROS})", "")
    assert ZEROS not in event_of(body).subject
    assert event_of(body).url == ""


def test_a_test_event_of_the_dashboard_is_told_even_if_its_invoice_is_over_nothing() -> None:
    body = changed("invoice.paid", None, total=0, amount_due=0, amount_paid=0)
    assert rendered(body).skip == "an invoice over nothing"
    assert "nothing was charged" in title(zeroed(body))
    assert "credit" not in title(zeroed(body))


def test_two_test_events_of_the_dashboard_are_two() -> None:
    first, second = zeroed(sample("charge.failed")), zeroed(sample("charge.succeeded"))
    assert not set(event_of(first).keys) & set(event_of(second).keys)
    assert event_of(first).subject != event_of(second).subject


# Who it was


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"name": "Mara Lindqvist"}, "Customer Mara Lindqvist was deleted"),
        ({"name": None, "email": "mara@example.com"}, "Customer mara@example.com was deleted"),
        ({"name": None, "email": None, "description": "Harbour Roasters"}, "Customer Harbour Roasters was deleted"),
        ({"name": None, "email": None, "description": None, "id": "cus_9"}, "Customer cus_9 was deleted"),
        ({"name": None, "email": None, "description": None, "id": f"cus_{ZEROS}"}, "A customer was deleted"),
    ],
)
def test_a_deleted_customer_is_named_by_what_is_left(fields: dict[str, object], expected: str) -> None:
    assert expected in title(changed("customer.deleted", None, **fields))


@pytest.mark.parametrize("event_type", ["customer.created", "customer.updated"])
def test_a_customer_without_name_and_address_is_called_by_the_note(event_type: str) -> None:
    body = changed(event_type, {"phone": None}, name=None, email=None, description="Harbour Roasters", phone="1")
    assert "ustomer Harbour Roasters" in title(body)


def test_a_deleted_customer_leaves_note_id_and_balance() -> None:
    text = text_of(
        changed("customer.deleted", None, description="Since 2019", id="cus_9", balance=-1500, currency="eur")
    )
    assert "Note\nSince 2019" in text
    assert "ID\ncus_9" in text.replace("`", "")
    assert "Left\n€15.00 credit" in text


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        (-1500, 0, "€15.00 credit → settled"),
        (0, 700, "settled → owes €7.00"),
        (-1500, -500, "€15.00 credit → €5.00 credit"),
    ],
)
@pytest.mark.parametrize("name", ["balance", "account_balance"])
def test_a_changed_balance_is_said_even_if_it_is_nothing_now(name: str, before: int, now: int, expected: str) -> None:
    body = changed("customer.updated", {name: before}, currency="eur")
    body["data"]["object"].pop("balance", None)  # type: ignore[index]
    body["data"]["object"][name] = now  # type: ignore[index]
    assert f"Balance\n{expected}" in text_of(body)


# API versions before 2019, https://docs.stripe.com/changelog


def test_a_plan_of_an_older_api_version_has_its_name_on_top() -> None:
    plan = {"name": "Crew", "amount": 1900, "currency": "eur", "interval": "month", "interval_count": 1}
    fields = {"items": None, "plan": plan, "quantity": 2, "billing": "send_invoice", "collection_method": None}
    text = text_of(changed("customer.subscription.created", None, **fields, status="active", days_until_due=14))
    assert "New subscription to Crew for 2 × €19.00 a month" in text
    assert "by invoice, due after 14 days" in text
    body = changed("customer.subscription.updated", {"plan": plan | {"name": "Solo", "amount": 900}}, **fields)
    assert "Solo → Crew" in text_of(body)
    assert "charge automatically → send invoice" in text_of(
        changed("customer.subscription.updated", {"billing": "charge_automatically"}, **fields)
    )


def test_an_updated_plan_of_an_older_api_version_has_its_name_on_top() -> None:
    assert "New plan Crew: " in title(changed("plan.created", None, nickname=None, name="Crew"))


def test_the_account_of_an_older_transfer_is_no_raw_id() -> None:
    body = changed(
        "transfer.updated", {"destination": "ba_0", "status": "in_transit"}, destination="ba_1", status="paid"
    )
    assert "ba_" not in posted(body)
    assert "Destination\nchanged" in text_of(body)
    assert "in transit → paid" in text_of(body)


def test_an_invoice_without_a_number_is_an_invoice() -> None:
    assert " for an invoice failed" in title(changed("invoice.payment_failed", None, number=None))
    assert " paid an invoice: " in title(changed("invoice.paid", None, number=None))


def test_a_checkout_of_an_older_api_version_adds_up_its_items() -> None:
    items = [
        {"amount": 1200, "currency": "eur", "quantity": 2, "custom": {"name": "Espresso beans"}, "type": "custom"},
        {"amount": 500, "currency": "eur", "quantity": 1, "sku": {"attributes": {"name": "Mug"}}, "type": "sku"},
    ]
    body = changed("checkout.session.completed", None, display_items=items, mode=None, currency=None)
    for name in ("amount_total", "payment_status"):
        body["data"]["object"].pop(name)  # type: ignore[index]
    text = text_of(body)
    assert "finished the checkout for €29.00" in text
    assert "• 2 × Espresso beans: €12.00\n• Mug: €5.00" in text
    assert "paid" not in title(body)


def test_an_invoice_of_an_older_api_version_links_its_payment_and_names_its_plans() -> None:
    lines = {"count": 1, "data": [{"amount": 1900, "currency": "eur", "description": None, "plan": {"name": "Crew"}}]}
    body = changed("invoice.paid", None, lines=lines, charge="ch_9", parent=None, subscription="sub_9")
    assert "• Crew: €19.00" in text_of(body)
    assert "/payments/ch_9|payment>" in posted(body)
    assert "/subscriptions/sub_9|subscription>" in posted(body)


def test_an_account_of_an_older_api_version_says_what_it_needs() -> None:
    needs = {"fields_needed": ["external_account"], "disabled_reason": "fields_needed", "due_by": 1796256000}
    body = changed("account.updated", {"transfers_enabled": True}, verification=needs, transfers_enabled=False)
    for name in ("requirements", "payouts_enabled"):
        body["data"]["object"].pop(name, None)  # type: ignore[index]
    text = text_of(body)
    assert "cannot receive payouts any more: details are missing" in text
    assert "a bank account for payouts" in text
    assert "Deadline\n2026-12-03" in text


def test_a_card_of_an_older_api_version_is_shown() -> None:
    source = {"object": "card", "brand": "Visa", "last4": "4242"}
    body = changed("charge.succeeded", None, payment_method_details=None, source=source)
    assert "Visa •••• 4242" in text_of(body)


def test_of_a_long_receipt_the_rest_is_counted() -> None:
    receipt = [{"description": f"Item {n}", "quantity": 1, "total": 100} for n in range(9)]
    body = changed("issuing_transaction.created", None, purchase_details={"receipt": receipt})
    assert "Item 5: €1.00\n… and 3 more" in text_of(body)


def test_of_a_long_checkout_of_an_older_api_version_the_rest_is_counted() -> None:
    items = [{"amount": 100, "currency": "eur", "quantity": 1, "custom": {"name": f"Item {n}"}} for n in range(9)]
    text = text_of(changed("checkout.session.completed", None, display_items=items))
    assert "Item 5: €1.00\n… and 3 more" in text
