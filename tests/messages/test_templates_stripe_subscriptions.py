"""Tests of Stripe's messages on subscriptions. An update knows its changes only by the previous values."""

import pytest

from tests.messages.stripe_bodies import changed, posted, rendered, sample, text_of, title
from tests.walks import for_each

TERMS = {"nickname": "Crew", "unit_amount": 1900, "currency": "eur", "recurring": {"interval": "month"}}
OTHER = {"nickname": "Grinder", "unit_amount": 900, "currency": "eur", "recurring": {"interval": "month"}}


@pytest.mark.parametrize(
    ("fields", "previous", "phrase"),
    [
        (
            {"status": "past_due"},
            {"status": "active"},
            "Subscription to Crew for 4 × €19.00 a month is now past due, was active",
        ),
        ({"status": "unpaid"}, {"status": "past_due"}, "is now unpaid, was past due"),
        ({"status": "paused"}, {"status": "trialing"}, "is now paused, was on trial"),
        ({"cancel_at_period_end": True}, {"cancel_at_period_end": False}, "will end on"),
        ({"cancel_at": 1797984000}, {"cancel_at": None}, "will end on"),
        ({}, {"cancel_at_period_end": True}, "will go on after all"),
        ({}, {"cancel_at": 1797984000}, "will go on after all"),
        ({}, {"items": {"data": [{"price": TERMS, "quantity": 2}]}}, "2 × €19.00 a month → 4 × €19.00 a month"),
        ({}, {"quantity": 2}, "2 × €19.00 a month → 4 × €19.00 a month"),
        ({}, {"current_period_end": 1}, "was renewed"),
        ({"pause_collection": {"behavior": "void"}}, {"pause_collection": None}, "was paused"),
        ({"pause_collection": None}, {"pause_collection": {"behavior": "void"}}, "was taken up again"),
        ({"trial_end": 1797984000}, {"trial_end": 1797379200}, "Trial of a subscription to Crew"),
        ({"trial_end": 1797984000}, {"trial_end": 1797379200}, "2026-12-16 → 2026-12-23"),
        ({"discounts": ["di_1"]}, {"discounts": []}, "got a discount"),
        ({"discounts": []}, {"discounts": ["di_1"]}, "has no discount any more"),
        ({"discounts": ["di_2"]}, {"discounts": ["di_1"]}, "has another discount now"),
        (
            {"default_payment_method": "pm_2"},
            {"default_payment_method": "pm_1"},
            "is paid with another card or account",
        ),
        ({"collection_method": "send_invoice"}, {"collection_method": "charge_automatically"}, "→ send invoice"),
        ({}, {"description": "old"}, "was updated"),
    ],
)
def test_a_changed_subscription_states_what_changed(
    fields: dict[str, object], previous: dict[str, object], phrase: str
) -> None:
    assert phrase in text_of(changed("customer.subscription.updated", previous, **fields))


def test_a_first_default_card_is_no_news() -> None:
    body = changed("customer.subscription.updated", {"default_payment_method": None}, default_payment_method="pm_1")
    assert rendered(body).skip


def test_items_that_were_added_removed_and_changed_are_listed_one_by_one() -> None:
    now = [{"id": "si_1", "price": TERMS, "quantity": 4}, {"id": "si_3", "price": OTHER, "quantity": 1}]
    old = [
        {"id": "si_1", "price": TERMS, "quantity": 2},
        {"id": "si_2", "price": {**OTHER, "nickname": "Filters"}, "quantity": 3},
    ]
    text = text_of(changed("customer.subscription.updated", {"items": {"data": old}}, items={"data": now}))
    assert "• Crew: 2 × €19.00 a month → 4 × €19.00 a month" in text
    assert "• added: Grinder: €9.00 a month" in text
    assert "• removed: Filters: 3 × €9.00 a month" in text


def test_a_product_lends_its_name_to_a_price_without_one() -> None:
    price = {**TERMS, "nickname": None, "product": {"id": "prod_1", "name": "Coffee club"}}
    items = {"data": [{"price": price, "quantity": 1}]}
    assert "to Coffee club for €19.00 a month" in title(changed("customer.subscription.resumed", items=items))


def test_a_price_by_use_is_no_hole() -> None:
    use = {"nickname": "Labels", "unit_amount": None, "currency": "eur", "recurring": {"interval": "month"}}
    items = {"data": [{"price": use}, {"price": TERMS, "quantity": 1}]}
    assert "• Labels: by use" in text_of(changed("customer.subscription.created", items=items))


def test_a_customer_whose_name_came_along_is_named() -> None:
    customer = {"id": "cus_9", "name": "Ines Brandt"}
    text = posted(changed("customer.subscription.deleted", customer=customer))
    assert "|Subscription> of *<https://dashboard.stripe.com/customers/cus_9|Ines Brandt>*" in text


def test_a_subscription_of_an_older_api_version_reads_the_same() -> None:
    plan = {"nickname": "Crew", "amount": 1900, "currency": "eur", "interval": "month", "interval_count": 1}
    body = changed("customer.subscription.created", items=None, plan=plan, quantity=4, status="active")
    assert "New subscription to Crew for 4 × €19.00 a month" in text_of(body)


def test_a_changed_plan_of_an_older_api_version_reads_the_same() -> None:
    plan = {"nickname": "Crew", "amount": 1900, "currency": "eur", "interval": "month", "interval_count": 1}
    before = {"plan": {**plan, "nickname": "Solo", "amount": 900}, "quantity": 1}
    text = text_of(changed("customer.subscription.updated", before, items=None, plan=plan, quantity=4))
    assert "Solo → Crew" in text
    assert "€9.00 a month → 4 × €19.00 a month" in text


def test_a_subscription_to_several_things_lists_them_and_gives_none_as_the_price_of_all() -> None:
    items = {"data": [{"price": TERMS, "quantity": 4}, {"price": OTHER, "quantity": 1}]}
    text = text_of(changed("customer.subscription.created", items=items, status="active"))
    assert "New subscription to Crew and 1 more\n" in text
    assert "• Crew: 4 × €19.00 a month\n• Grinder: €9.00 a month" in text
    before = {"items": {"data": [{"price": TERMS, "quantity": 4}]}}
    assert "was changed to Crew and 1 more" in text_of(changed("customer.subscription.updated", before, items=items))


def test_the_end_of_a_trial_without_a_card_states_what_will_happen() -> None:
    body = changed("customer.subscription.trial_will_end", default_payment_method=None, default_source=None)
    assert "the first payment will fail" in text_of(body)
    assert "will fail" not in text_of(changed("customer.subscription.trial_will_end", default_payment_method="pm_1"))


def test_a_subscription_that_is_billed_by_invoice_states_it() -> None:
    body = changed("customer.subscription.created", collection_method="send_invoice", days_until_due=30)
    assert "by invoice, due after 30 days" in text_of(body)
    body = changed("customer.subscription.created", collection_method="send_invoice", days_until_due=1)
    assert "by invoice, due after 1 day" in text_of(body)
    assert "1 days" not in text_of(body)
    assert "by invoice" not in text_of(
        changed("customer.subscription.created", collection_method="charge_automatically")
    )


@pytest.mark.parametrize("event_type", ["customer.subscription.created", "customer.subscription.updated"])
@pytest.mark.parametrize("junk", [None, True, 7, "x", [], [None], {"data": 3}, {"data": [None, 1, "x"]}])
@for_each(["items", "plan", "cancellation_details", "customer", "discounts", "pause_collection"])
def test_junk_in_a_subscription_still_renders_a_message(field: str, event_type: str, junk: object) -> None:
    before = {field: junk, "status": junk, "trial_end": junk}
    assert rendered(changed(event_type, before, **{field: junk})).error is None


def test_a_schedule_states_what_follows_it() -> None:
    assert "Then\nthe subscription ends" in text_of(sample("subscription_schedule.expiring"))
    assert "its subscription goes on without it" in title(sample("subscription_schedule.released"))
    assert "canceled for lack of payment" in title(sample("subscription_schedule.aborted"))
