"""Tests of Stripe's messages on payments: reasons and next steps of failures, disputes, refunds, payouts."""

import pytest

from tests.messages.stripe_bodies import changed, posted, rendered, sample, text_of, title

OUTCOME = {"type": "issuer_declined", "reason": None, "risk_level": "normal", "seller_message": None}


def failed(code: str | None, message: str | None = None, advice: str | None = None) -> str:
    outcome = {**OUTCOME, "reason": code, "advice_code": advice}
    return text_of(
        changed("charge.failed", None, outcome=outcome, failure_code="card_declined", failure_message=message)
    )


@pytest.mark.parametrize(
    ("code", "why", "step"),
    [
        ("insufficient_funds", "insufficient funds", "in a few days, or with another card"),
        ("do_not_honor", "declined by the bank, which gives no reason", "can ask their bank"),
        ("expired_card", "the card has expired", "pay in another way"),
        ("incorrect_cvc", "the security code is wrong", "can correct it"),
        ("stolen_card", "the card was reported stolen", "no more than that it was declined"),
        ("highest_risk_level", "the risk of fraud is too high", "allow list in Radar"),
        ("authentication_required", "the bank asks for authentication", "come back and confirm"),
        ("processing_error", "an error while processing", "Worth another try"),
        ("revocation_of_authorization", "the customer has stopped payments to you", ""),
    ],
)
def test_a_failed_charge_states_why_in_words_and_what_to_do(code: str, why: str, step: str) -> None:
    text = failed(code, "Your card was declined.")
    assert f"failed: {why}" in text.replace("blocked, ", "")
    assert step in text
    assert code not in text or "_" not in code


def test_an_unknown_code_shows_stripes_own_sentence() -> None:
    assert "failed: The moon is in the wrong phase\n" in failed("moon_phase", "The moon is in the wrong phase.")
    assert "failed: moon phase\n" in failed("moon_phase")
    assert "failed: No luck today\n" in failed(None, "No luck today.")


def test_the_banks_advice_goes_before_a_vague_code() -> None:
    assert "this one will not work" in failed("do_not_honor", advice="do_not_try_again")
    assert "can correct it" in failed("moon_phase", "Hm.", advice="confirm_card_data")


def test_whom_to_ask_about_a_failed_payment_is_there_by_name_and_address() -> None:
    text = text_of(sample("payment_intent.payment_failed"))
    assert "from Yuki Tanaka failed" in text
    assert "E-mail\nyuki@example.com" in text
    assert "Tried with\nMastercard •••• 5100" in text


def test_an_address_in_the_title_is_not_repeated() -> None:
    address = {"name": None, "email": "yuki@example.com"}
    assert "E-mail" not in text_of(changed("charge.failed", None, billing_details=address, receipt_email=None))


@pytest.mark.parametrize(
    ("currency", "amount", "expected"),
    [
        ("jpy", 5000, "¥5,000"),
        ("kwd", 12340, "KWD 12.340"),
        ("isk", 500000, "ISK 5,000"),
        ("ugx", 500000, "UGX 5,000"),
        ("eur", 5, "€0.05"),
    ],
)
def test_an_amount_has_the_decimals_of_its_currency(currency: str, amount: int, expected: str) -> None:
    assert f"Payment of {expected} from" in title(changed("charge.succeeded", None, amount=amount, currency=currency))


def test_an_authorized_charge_states_until_when_it_can_be_captured() -> None:
    details = {"type": "card", "card": {"brand": "visa", "last4": "4242", "capture_before": 1796036400}}
    text = text_of(changed("charge.succeeded", None, captured=False, payment_method_details=details))
    assert "was authorized and waits to be captured" in text
    assert "Capture before\n" in text


def test_a_payment_that_was_reported_as_fraud_states_it() -> None:
    body = changed("charge.updated", {"fraud_details": {}}, fraud_details={"user_report": "fraudulent"})
    assert "was reported as fraudulent" in title(body)


def test_a_payment_waits_for_its_customer_just_once() -> None:
    assert title(sample("payment_intent.requires_action")).count("customer") == 0
    body = changed("payment_intent.requires_action", None, receipt_email=None, customer=None)
    assert title(body).endswith("waits for the customer to confirm it")


def test_a_customer_who_starts_a_sentence_starts_it_in_upper_case() -> None:
    nameless = {"customer_name": None, "customer_email": None}
    assert ":white_check_mark: A customer paid invoice" in title(changed("invoice.paid", None, **nameless))
    body = changed("checkout.session.completed", None, customer="cus_1", customer_details=None, customer_email=None)
    assert title(body).startswith(":white_check_mark: A customer paid")


def test_a_second_partial_refund_states_what_came_back_now_and_in_all() -> None:
    text = text_of(changed("charge.refunded", {"amount_refunded": 1200}, amount_refunded=2000))
    assert "€8.00 of a payment of €48.50 refunded" in text
    assert "€20.00" in text
    assert "€28.50" in text


def test_a_whole_refund_states_it() -> None:
    text = text_of(changed("charge.refunded", {"amount_refunded": 0}, amount_refunded=4850))
    assert "Payment of €48.50 from Mara Lindqvist was refunded" in text


@pytest.mark.parametrize(("status", "words"), [("won", "was won"), ("warning_closed", "was closed without a dispute")])
def test_a_closed_dispute_states_how_it_ended(status: str, words: str) -> None:
    assert words in text_of(changed("charge.dispute.closed", status=status))


def test_an_inquiry_is_no_dispute_yet() -> None:
    assert "The bank inquires about a payment of $99.00" in text_of(
        changed("charge.dispute.created", status="warning_needs_response")
    )


def test_the_last_failed_attempt_states_that_there_will_be_no_other() -> None:
    assert "will not be tried again" in text_of(changed("invoice.payment_failed", next_payment_attempt=None))


def test_a_checkout_that_only_saves_a_card_has_no_amount() -> None:
    text = text_of(
        changed("checkout.session.completed", mode="setup", amount_total=None, currency=None, payment_intent=None)
    )
    assert "Yuki Tanaka saved a payment method at checkout" in text


def test_a_dispute_without_a_status_is_still_a_sentence() -> None:
    assert "from Owen Achterberg was closed" in text_of(changed("charge.dispute.closed", status=None))


def test_a_trial_at_checkout_costs_nothing_and_so_names_no_amount() -> None:
    body = changed(
        "checkout.session.completed", None, mode="subscription", amount_total=0, payment_status="no_payment_required"
    )
    assert "Yuki Tanaka subscribed at checkout, with nothing to pay yet" in title(body)


def test_an_invoice_that_was_paid_elsewhere_states_it() -> None:
    assert "outside of Stripe" in text_of(changed("invoice.paid", None, paid_out_of_band=True))


def test_a_dispute_states_by_when_to_respond_and_what_happens_if_not() -> None:
    text = text_of(sample("charge.dispute.created"))
    assert "Respond by\n" in text
    assert "Without a response in time" in text
    assert "E-mail\nowen@example.com" in text


def test_an_inquiry_can_be_settled_by_a_refund() -> None:
    body = changed("charge.dispute.created", None, status="warning_needs_response", is_charge_refundable=True)
    assert "A full refund now keeps it from becoming a dispute" in text_of(body)


@pytest.mark.parametrize("event_type", ["charge.dispute.funds_reinstated", "charge.dispute.closed"])
def test_a_closed_dispute_asks_for_no_response(event_type: str) -> None:
    text = text_of(changed(event_type, None, status="needs_response"))
    assert "Respond" not in text


def test_a_general_dispute_names_no_reason_and_a_new_reason_is_put_in_words() -> None:
    assert title(changed("charge.dispute.created", None, reason="general")).endswith("a payment of $99.00")
    assert title(changed("charge.dispute.created", None, reason="moon_phase")).endswith("$99.00: moon phase")


def test_a_warning_of_fraud_is_settled_only_where_stripe_states_it() -> None:
    body = sample("radar.early_fraud_warning.created")
    data = body["data"]
    assert isinstance(data, dict)
    del data["object"]["actionable"]
    assert "A refund now can spare you" in text_of(body)


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("insufficient_funds", "waits for your balance to cover it"),
        ("charge_pending", "waits for the payment to settle"),
    ],
)
def test_a_pending_refund_states_the_reason(reason: str, expected: str) -> None:
    assert expected in title(changed("refund.created", None, status="pending", pending_reason=reason))


@pytest.mark.parametrize(
    ("code", "message", "expected"),
    [
        ("account_closed", "The bank account has been closed.", "failed: the bank account is closed"),
        ("moon_phase", "The moon is in the wrong phase.", "failed: The moon is in the wrong phase"),
        ("moon_phase", None, "failed: moon phase"),
        (None, None, "to your bank account failed"),
    ],
)
def test_a_failed_payout_states_why_and_what_to_do(code: str | None, message: str | None, expected: str) -> None:
    body = changed("payout.failed", None, failure_code=code, failure_message=message)
    assert title(body).endswith(expected)
    assert "once its details are put right" in text_of(body)


def test_an_upcoming_invoice_has_no_page_but_its_subscription_has() -> None:
    body = sample("invoice.upcoming")
    assert "Open subscription" in text_of(body)
    assert "/subscriptions/sub_" in posted(body)
    assert "/invoices/" not in posted(body)


def test_an_updated_invoice_shows_old_and_new_values() -> None:
    text = text_of(changed("invoice.updated", {"total": 100, "status": "draft", "due_date": 1}, due_date=1796036400))
    assert "€1.00 → €93.48" in text
    assert "draft → " in text
    assert "→ 2026-11-30" in text


def test_a_card_updated_by_its_bank_shows_old_and_new_expiry_dates() -> None:
    card = {"brand": "visa", "last4": "4242", "exp_month": 9, "exp_year": 2031}
    before = {"card": {"exp_month": 8, "exp_year": 2027, "last4": "1881"}}
    text = text_of(changed("payment_method.automatically_updated", before, card=card))
    assert "08/2027 → 09/2031" in text
    assert "1881 → 4242" in text


def test_a_removed_card_links_whose_it_was() -> None:
    assert "customers/cus_7|Mara Lindqvist>" in posted(
        changed("payment_method.detached", {"customer": "cus_7"}, customer=None)
    )


def test_an_expiring_card_states_what_to_do() -> None:
    text = text_of(sample("customer.source.expiring"))
    assert "Visa •••• 4242 of Mara Lindqvist expires in 12/2026" in text
    assert "Ask for a new card" in text


def test_a_coupon_named_by_its_discount_states_it_once() -> None:
    body = changed("coupon.created", None, name="10% off", percent_off=10, duration="forever")
    assert title(body) == "New coupon 10% off forever (test)" or title(body) == "New coupon 10% off forever _(test)_"


@pytest.mark.parametrize(
    ("event_type", "previous", "fields", "expected"),
    [
        ("product.updated", {"active": True}, {"active": False}, "was retired"),
        ("product.updated", {"active": False}, {"active": True}, "can be sold again"),
        ("price.updated", {"active": True}, {"active": False}, "was retired"),
        ("promotion_code.updated", {"active": True}, {"active": False}, "cannot be used any more"),
        ("account.updated", {"details_submitted": False}, {"details_submitted": True}, "has submitted its details"),
        ("account.updated", {"email": "old@example.com"}, {}, "old@example.com → owner@example.com"),
        ("capability.updated", {"status": "active"}, {"status": "inactive"}, "cannot use card payments"),
        ("customer.tax_id.updated", {}, {"verification": {"status": "verified"}}, "was verified"),
        ("mandate.updated", {}, {"status": "inactive"}, "No more payments can be taken by it"),
    ],
)
def test_an_update_states_what_it_means(
    event_type: str, previous: dict[str, object], fields: dict[str, object], expected: str
) -> None:
    assert expected in text_of(changed(event_type, previous, **fields))


def test_an_id_that_changed_is_not_shown() -> None:
    before = {"tax_code": "txcd_99999999", "default_price": "price_1SWcOldExample"}
    text = text_of(changed("product.updated", before, default_price="price_1SWcNewExample"))
    assert "price_1" not in text
    assert "Default price\nchanged" in text


def test_a_thin_event_of_a_connected_account_links_it() -> None:
    body = {**sample("v1.invoice.paid"), "context": "acct_9"}
    assert "/connect/accounts/acct_9|acct_9>" in posted(body)
    assert rendered({**body, "context": ["x"]}).error is None


def test_account_requirements_are_listed_once_and_in_words() -> None:
    due = [
        "tos_acceptance.date",
        "tos_acceptance.ip",
        "person_1SWcExample.dob.day",
        "person_1SWcExample.dob.year",
        "x.y_z",
    ]
    text = text_of(changed("account.updated", {"requirements": {}}, requirements={"currently_due": due}))
    assert "• acceptance of Stripe's terms\n• date of birth of a person\n• x y z\n" in text
    assert "1SWcExample" not in text.replace("acct_1SWcBakeryExample", "")
