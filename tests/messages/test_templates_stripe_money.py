"""Tests that Stripe's messages name money that moved as moved, and no other; and that each price is said."""

import pytest

from tests.messages.stripe_bodies import changed, posted, rendered, text_of, title

GREEN = ":white_check_mark:"


def settled(event_type: str = "invoice.paid", **fields: object) -> str:
    """Return the title of an invoice that was paid without a payment."""
    figures = {"total": 5600, "amount_due": 0, "amount_paid": 0, "amount_remaining": 0, "currency": "eur"}
    return title(changed(event_type, None, **(figures | fields)))


# Stripe docs, "Customer invoice balance", https://docs.stripe.com/billing/customer/balance


@pytest.mark.parametrize("event_type", ["invoice.paid", "invoice.payment_succeeded"])
@pytest.mark.parametrize(
    ("starting", "ending"), [(-5600, 0), (-9000, -3400), (0, 0), (0, -3400), (None, None)], ids=str
)
def test_an_invoice_settled_from_credit_charged_nothing(
    event_type: str, starting: int | None, ending: int | None
) -> None:
    text = settled(event_type, starting_balance=starting, ending_balance=ending)
    assert GREEN not in text
    assert "nothing was charged: €56.00 was taken from the customer's credit" in text


def test_an_invoice_below_the_smallest_charge_is_carried_over() -> None:
    text = settled(total=30, starting_balance=0, ending_balance=30)
    assert "nothing was charged: €0.30 was carried over to the next invoice" in text
    text = settled(total=30, amount_due=30, starting_balance=0, ending_balance=30)
    assert "nothing was charged: €0.30 was carried over to the next invoice" in text


def test_an_invoice_that_was_settled_in_a_way_unknown_names_none() -> None:
    text = settled(amount_due=5600, starting_balance=0, ending_balance=0)
    assert text.endswith("was settled, and nothing was charged")


def test_an_invoice_below_nothing_adds_to_the_credit() -> None:
    text = settled(total=-1200, starting_balance=0, ending_balance=-1200)
    assert "nothing was charged: €12.00 was added to the customer's credit" in text


def test_an_invoice_settled_by_a_credit_note_or_outside_of_stripe_says_so() -> None:
    noted = settled(pre_payment_credit_notes_amount=5600, starting_balance=0, ending_balance=0)
    assert "€56.00 was taken off by a credit note" in noted
    elsewhere = settled(amount_due=5600, paid_out_of_band=True)
    assert "was paid outside of Stripe: €56.00" in elsewhere
    assert GREEN not in elsewhere


# Stripe docs, changelog of 2018-02-05: before, an invoice had amount_due alone


def test_an_invoice_of_an_older_api_version_was_paid_what_was_due() -> None:
    figures = {"total": 5600, "currency": "eur", "starting_balance": -1600, "ending_balance": 0, "paid": True}
    body = changed("invoice.paid", None, **figures, amount_due=4000)
    fields = body["data"]["object"]  # type: ignore[index]
    del fields["amount_paid"], fields["amount_remaining"]
    assert ": €40.00" in title(body)
    fields |= {"amount_due": 0, "starting_balance": -5600}
    assert "nothing was charged: €56.00 was taken from the customer's credit" in title(body)
    body = changed("invoice.payment_failed", None, **figures, amount_due=4000, amount_remaining=None)
    assert "Payment of €40.00" in title(body)


def test_credit_and_payment_are_told_apart_where_both_paid() -> None:
    figures = {"total": 5600, "amount_due": 4000, "amount_paid": 4000, "starting_balance": -1600, "ending_balance": 0}
    text = text_of(changed("invoice.paid", None, currency="eur", amount_remaining=0, **figures))
    assert ": €40.00" in text
    assert "Total\n€56.00" in text
    assert "From credit\n€16.00" in text


@pytest.mark.parametrize("event_type", ["invoice.finalized", "invoice.sent", "invoice.upcoming"])
def test_an_invoice_with_nothing_to_pay_says_so(event_type: str) -> None:
    text = text_of(changed(event_type, None, total=5600, amount_due=0, starting_balance=-5600, ending_balance=0))
    assert "for €56.00" in text
    assert "with nothing to pay" in text
    assert "From credit\n€56.00" in text


def test_an_invoice_over_nothing_that_collects_an_old_debt_is_told() -> None:
    assert rendered(changed("invoice.finalized", None, total=0, amount_due=700, starting_balance=700)).message
    assert "€7.00" in title(changed("invoice.finalized", None, total=0, amount_due=700, starting_balance=700))


def test_an_invoice_payment_of_nothing_is_no_payment() -> None:
    assert "nothing was charged" in title(changed("invoice_payment.paid", None, amount_paid=0))
    assert "€" not in title(changed("invoice_payment.paid", None, amount_paid=0))


def test_a_failed_payment_will_not_be_tried_again_only_where_stripe_says_so() -> None:
    body = changed("invoice.payment_failed", None, collection_method="send_invoice", next_payment_attempt=None)
    assert "not be tried again" not in title(body)
    body = changed("invoice.payment_failed", None)
    del body["data"]["object"]["next_payment_attempt"]  # type: ignore[index]
    assert "not be tried again" not in title(body)


# Refunds


@pytest.mark.parametrize("event_type", ["refund.created", "refund.updated", "charge.refund.updated"])
@pytest.mark.parametrize(
    ("status", "phrase"),
    [
        ("pending", "is on its way"),
        ("requires_action", "waits for the customer to act"),
        ("canceled", "was canceled, and the customer gets no money"),
        ("failed", "failed"),
    ],
)
def test_a_refund_is_made_only_once_it_succeeded(event_type: str, status: str, phrase: str) -> None:
    body = changed(event_type, {"status": "x"}, status=status, pending_reason=None, failure_reason=None)
    assert phrase in title(body)
    assert "made" not in title(body)
    assert "through" not in title(body)


def test_a_charge_of_which_nothing_came_back_is_not_refunded() -> None:
    assert "Nothing of a payment of €48.50" in title(changed("charge.refunded", None, amount_refunded=0))


@pytest.mark.parametrize("status", [None, "new_state"])
def test_a_checkout_is_good_news_only_once_it_is_paid(status: str | None) -> None:
    assert GREEN not in title(changed("checkout.session.completed", None, payment_status=status))


def test_an_upcoming_invoice_with_nothing_to_pay_is_not_charged() -> None:
    assert "charged" not in text_of(changed("invoice.upcoming", None, total=0, amount_due=0))


def test_a_payout_that_fails_after_all_says_why() -> None:
    body = changed("payout.updated", {"status": "paid"}, status="failed", failure_code="no_account")
    assert "failed: the bank account does not exist" in title(body)
    assert "Arrives" not in text_of(body)
    assert "back in your balance" in text_of(body)


def test_another_price_is_said_even_if_it_has_no_figure() -> None:
    def items(price_id: str) -> dict[str, object]:
        price = {"id": price_id, "nickname": None, "unit_amount": None, "billing_scheme": "tiered", "currency": "eur"}
        return {"data": [{"id": "si_1", "price": {**price, "recurring": MONTHLY}, "quantity": 1}]}

    body = changed("customer.subscription.updated", {"items": items("price_1")}, items=items("price_2"))
    assert "was changed to a price by tiers, billed monthly" in title(body)


def test_a_refund_without_a_status_was_started() -> None:
    assert "was started" in title(changed("refund.created", None, status=None, pending_reason=None))


def test_a_released_authorization_is_no_refund() -> None:
    body = changed("charge.refunded", None, captured=False, amount_refunded=4850, amount=4850)
    assert "was released, and nothing was charged" in title(body)
    assert "refunded" not in title(body)


# API versions before 2022-11-15 list a charge's refunds, https://docs.stripe.com/changelog


@pytest.mark.parametrize(
    ("status", "phrase"),
    [("pending", "is on its way back"), ("failed", "could not be refunded"), ("canceled", "was not refunded")],
)
def test_a_refunded_charge_says_how_far_its_refund_is(status: str, phrase: str) -> None:
    refunds = {"data": [{"status": status, "amount": 1200, "reason": "duplicate"}]}
    text = text_of(changed("charge.refunded", None, refunds=refunds, amount_refunded=1200))
    assert f"€12.00 of a payment of €48.50 from Mara Lindqvist {phrase}" in text
    assert "Reason\ncharged more than once" in text


# Payments, checkout, disputes, payouts


@pytest.mark.parametrize(
    "event_type", ["payment_intent.processing", "payment_intent.requires_action", "charge.pending", "charge.expired"]
)
def test_money_that_did_not_come_is_not_paid(event_type: str) -> None:
    assert "Paid with" not in text_of(changed(event_type, None))


def test_a_checkout_with_nothing_to_pay_names_no_payment() -> None:
    body = changed(
        "checkout.session.completed", None, mode="payment", amount_total=0, payment_status="no_payment_required"
    )
    assert title(body).endswith("finished the checkout, with nothing to pay")
    assert GREEN not in title(body)


@pytest.mark.parametrize("mode", ["payment", "subscription"])
def test_an_unpaid_checkout_is_still_to_be_paid(mode: str) -> None:
    body = changed("checkout.session.completed", None, mode=mode, payment_status="unpaid")
    assert "the payment is still to come" in title(body)
    assert "paid $" not in title(body)


def test_the_money_of_a_dispute_is_what_was_booked() -> None:
    booked = [
        {"amount": -6000, "currency": "eur", "fee": 2000},
        {"amount": 4500, "currency": "eur", "fee": 0},
    ]
    withdrawn = title(changed("charge.dispute.funds_withdrawn", None, balance_transactions=booked[:1]))
    assert "€60.00 withdrawn" in withdrawn
    back = title(changed("charge.dispute.funds_reinstated", None, balance_transactions=booked))
    assert "€45.00 returned" in back


def test_evidence_is_missing_only_where_stripe_says_so() -> None:
    assert "none so far" not in text_of(
        changed("charge.dispute.created", None, evidence_details={"due_by": 1796256000})
    )


def test_a_negative_payout_takes_money() -> None:
    body = changed("payout.created", None, amount=-2500, currency="eur")
    assert "Debit of €25.00 from your bank account is on its way" in title(body)
    assert "is back in your balance" not in text_of(changed("payout.failed", None, amount=-2500))


def test_a_transfer_to_a_bank_account_has_no_dead_link_and_no_raw_id() -> None:
    body = changed("transfer.created", None, destination="ba_1Old", status="pending")
    assert "to your bank account is on its way" in title(body)
    assert "ba_1Old" not in posted(body)
    account = {"object": "bank_account", "bank_name": "Quayside Bank", "last4": "6789"}
    body = changed("transfer.updated", None, destination="ba_1Old", bank_account=account)
    assert "to Quayside Bank •••• 6789" in title(body)


# Prices: https://docs.stripe.com/api/prices/object

MONTHLY = {"interval": "month", "interval_count": 1, "usage_type": "licensed"}
METERED = {"interval": "month", "interval_count": 1, "usage_type": "metered"}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"unit_amount": 0}, "€0.00 a month"),
        ({"unit_amount": None, "unit_amount_decimal": "0.5"}, "€0.005 a month"),
        ({"unit_amount": None, "unit_amount_decimal": "0.5", "currency": "jpy"}, "¥0.5 a month"),
        ({"unit_amount": 2, "recurring": METERED}, "€0.02 per unit used, billed monthly"),
        ({"unit_amount": None, "recurring": METERED}, "a price by use, billed monthly"),
        ({"unit_amount": 500, "transform_quantity": {"divide_by": 100, "round": "up"}}, "€5.00 for every 100, billed"),
        ({"unit_amount": None, "billing_scheme": "tiered"}, "a price by tiers, billed monthly"),
        (
            {"unit_amount": None, "billing_scheme": "tiered", "tiers_mode": "volume"},
            "a price by volume, billed monthly",
        ),
        (
            {
                "unit_amount": None,
                "billing_scheme": "tiered",
                "tiers_mode": "graduated",
                "tiers": [{"unit_amount": 500, "up_to": 10}, {"unit_amount": 400, "up_to": None}],
            },
            "€5.00 each up to 10, then by tiers, billed monthly",
        ),
        (
            {
                "unit_amount": None,
                "billing_scheme": "tiered",
                "tiers_mode": "volume",
                "tiers": [
                    {"flat_amount": 1000, "unit_amount": None, "unit_amount_decimal": "0.5", "up_to": 5},
                    {"unit_amount": 0},
                ],
            },
            "€10.00 and €0.005 each up to 5, then by volume, billed monthly",
        ),
        ({"unit_amount": None, "custom_unit_amount": {"minimum": 500}}, "a price that the customer chooses, €5.00 or"),
        ({"unit_amount": None, "amount": None, "amount_decimal": "12.5"}, "€0.125 a month"),
        ({"unit_amount": 900, "recurring": {"interval": "month", "interval_count": 3}}, "€9.00 every 3 months"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_price_is_said_or_named(fields: dict[str, object], expected: str) -> None:
    empty = dict.fromkeys(["unit_amount_decimal", "tiers", "tiers_mode", "custom_unit_amount", "transform_quantity"])
    price = {"currency": "eur", "recurring": MONTHLY, "billing_scheme": "per_unit", **empty, **fields}
    assert expected in title(changed("price.created", None, **price))
    items = {"data": [{"price": {"nickname": "Crew", **price}, "quantity": 1}]}
    assert f"to Crew for {expected}" in title(changed("customer.subscription.created", None, items=items))


def test_a_quantity_of_nothing_is_said() -> None:
    price = {"nickname": "Crew", "unit_amount": 1900, "currency": "eur", "recurring": MONTHLY}
    body = changed(
        "customer.subscription.updated", {"quantity": 0}, items={"data": [{"price": price, "quantity": 3}]}, quantity=3
    )
    assert "0 × €19.00 a month → 3 × €19.00 a month" in text_of(body)


@pytest.mark.parametrize(
    ("coupon", "expected"),
    [
        ({"percent_off": 10.05}, "10.05% off"),
        ({"percent_off": 10.0}, "10% off"),
        ({"percent_off": 33, "percent_off_precise": 33.33}, "33.33% off"),
        ({"percent_off": None, "amount_off": 500, "currency": "eur"}, "€5.00 off"),
    ],
)
def test_a_discount_is_exact(coupon: dict[str, object], expected: str) -> None:
    body = changed("coupon.created", None, **{"name": "Spring", "amount_off": None, "percent_off": None, **coupon})
    assert f"Spring: {expected}" in title(body)


def test_a_fraction_of_a_cent_is_no_raw_figure_in_a_change() -> None:
    body = changed("price.updated", {"unit_amount_decimal": "0.5"}, unit_amount=None, unit_amount_decimal="0.75")
    assert "€0.005 → €0.0075" in text_of(body) or "$0.005 → $0.0075" in text_of(body)
    body = changed("price.updated", {"unit_amount": 100, "unit_amount_decimal": "100"}, unit_amount=150)
    assert "decimal" not in text_of(body)


@pytest.mark.parametrize("before", [False, None])
def test_a_customer_who_did_not_pay_is_delinquent_whatever_was_known_before(before: object) -> None:
    """Stripe docs, The Customer object, https://docs.stripe.com/api/customers/object : `delinquent` may be null."""
    text = title(changed("customer.updated", {"delinquent": before}, delinquent=True))
    assert text.startswith(":warning: ")
    assert text.endswith("did not pay and is delinquent now")


@pytest.mark.parametrize("status", ["closed", "expired", "reversed"])
def test_a_card_payment_that_was_declined_did_not_go_through(status: str) -> None:
    """Stripe docs, https://docs.stripe.com/api/issuing/authorizations/object : a declined one is closed."""
    body = changed("issuing_authorization.updated", {"status": "pending"}, status=status, approved=False)
    assert "went through" not in text_of(body)
    assert "was declined" in title(body)


def test_a_price_that_the_customer_chooses_is_billed_as_often_as_others() -> None:
    chosen: dict[str, object] = {
        "currency": "eur",
        "unit_amount": None,
        "unit_amount_decimal": None,
        "custom_unit_amount": {},
    }
    text = title(changed("price.created", None, **chosen, recurring=MONTHLY))
    assert text.endswith(": a price that the customer chooses, billed monthly")


def test_a_title_without_its_amount_or_its_customer_is_still_a_sentence() -> None:
    assert title(changed("invoice.overpaid", None, currency=None)).endswith(" was overpaid")
    fee = {"currency": None, "amount": 500, "amount_refunded": 200}
    assert "pplication fee was refunded" in title(changed("application_fee.refunded", None, **fee))
    assert title(changed("customer.updated", {"email": None}, object=None, id=None)) == "A customer was updated"


@pytest.mark.parametrize("event_type", ["invoice.payment_failed", "customer.subscription.trial_will_end"])
def test_an_event_whose_object_is_null_has_a_message_of_its_template(event_type: str) -> None:
    assert rendered({"id": "evt_1Null", "type": event_type, "data": {"object": None}}).error is None


def test_a_payment_method_that_could_not_be_saved_for_no_known_reason_ends_in_no_colon() -> None:
    body = changed("setup_intent.setup_failed", None, last_setup_error={"type": "api_error"})
    assert title(body).endswith("could not be saved (test)")
