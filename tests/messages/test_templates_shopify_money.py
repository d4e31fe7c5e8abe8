"""Tests that Shopify's messages tell only of money that moved.

Sources: the REST resources that webhooks carry. "Refund", https://shopify.dev/docs/api/admin-rest/latest/resources/refund:
`transactions` is empty if items are only put back, and a transaction may be pending or fail. "Transaction",
https://shopify.dev/docs/api/admin-rest/latest/resources/transaction: an authorization holds money, a void lets it go.
"""

import pytest

from tests.messages.shopify_messages import title, written


def paid_back(amount: str, status: str = "success", gateway: str = "shopify_payments", **more: object) -> object:
    return {"kind": "refund", "amount": amount, "currency": "EUR", "status": status, "gateway": gateway, **more}


def refund(*transactions: object, **more: object) -> dict[str, object]:
    return {"id": 7, "order_id": 6120394857712, "transactions": list(transactions), **more}


def back(quantity: int, restock_type: object) -> object:
    return {"quantity": quantity, "restock_type": restock_type, "line_item": {"title": "Jug"}}


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (refund(paid_back("30.00")), "€30.00 was refunded on an order"),
        (refund(paid_back("30.00", "pending")), "A refund of €30.00 on an order is pending"),
        (refund(paid_back("30.00", "failure")), ":x: A refund of €30.00 on an order failed"),
        (refund(paid_back("30.10"), paid_back("20.20")), "€50.30 was refunded on an order"),
        (
            refund(paid_back("30.00"), paid_back("20.00", "error", "paypal")),
            ":x: €30.00 was refunded on an order, €20.00 more failed",
        ),
        (
            refund(paid_back("30.00"), paid_back("20.00", "pending", "gift_card")),
            "€30.00 was refunded on an order, €20.00 more is pending",
        ),
        (
            refund(paid_back("30.00", "pending"), paid_back("20.00", "failure", "gift_card")),
            ":x: A refund of €30.00 on an order is pending, €20.00 more failed",
        ),
        (
            refund(refund_line_items=[back(2, "return")]),
            "Items of an order were put back in stock: no money was refunded",
        ),
        (
            refund(paid_back("0.00"), refund_line_items=[back(2, "cancel")]),
            "Items of an order were put back in stock: no money was refunded",
        ),
        (refund({"kind": "refund", "status": "success", "amount": 0}), "A refund without money was made on an order"),
        (refund(refund_line_items=[back(2, "no_restock")]), "A refund without money was made on an order"),
        (refund(), "A refund without money was made on an order"),
        (
            refund(paid_back("30.00", kind="void")),
            "An authorization of €30.00 on an order was released: no money was refunded",
        ),
        (refund(paid_back("30.00", "unheard_of")), "A refund was made on an order"),
        ({"id": 7, "order_id": 6120394857712}, "A refund was made on an order"),
        ({"id": 7, "transactions": None}, "A refund was made on an order"),
    ],
)
def test_a_refund_tells_how_much_moved_and_what_did_not(body: object, sentence: str) -> None:
    assert title("refunds/create", body) == sentence


def test_a_refund_through_two_gateways_tells_how_each_ended() -> None:
    text = written(
        "refunds/create", refund(paid_back("30.00"), paid_back("20.00", "failure", "paypal", message="Account closed"))
    )
    assert "*Through Shopify Payments*\n€30.00 *succeeded*" in text
    assert "*Through PayPal*\n€20.00 *failed*" in text
    assert "*Failed*\nAccount closed" in text


@pytest.mark.parametrize(
    ("lines", "stock"),
    [
        ([back(1, "return"), back(1, "cancel")], "*Back in stock*\nyes"),
        ([back(1, "return"), back(1, "no_restock")], "*Back in stock*\nsome of it"),
        ([back(1, "no_restock")], "*Back in stock*\nno"),
    ],
)
def test_a_refund_tells_whether_items_are_back_in_stock(lines: object, stock: str) -> None:
    assert stock in written("refunds/create", refund(paid_back("1.00"), refund_line_items=lines))


def test_a_refund_that_does_not_say_whether_items_are_back_does_not_claim_it() -> None:
    lines = [{"quantity": 1, "line_item": {"title": "Jug"}}]
    assert "Back in stock" not in written("refunds/create", refund(paid_back("1.00"), refund_line_items=lines))


@pytest.mark.parametrize(
    ("kind", "status", "sentence"),
    [
        ("sale", "success", ":white_check_mark: A payment of €5.00 on an order succeeded"),
        ("sale", "pending", "A payment of €5.00 on an order is pending"),
        ("capture", "failure", ":x: A capture of €5.00 on an order failed"),
        ("authorization", "success", "An authorization of €5.00 on an order succeeded"),
        ("void", "success", "An authorization of €5.00 on an order was released"),
        ("void", "error", ":x: A cancellation of an authorization of €5.00 on an order failed"),
        ("refund", "pending", "A refund of €5.00 on an order is pending"),
        ("SALE", "AWAITING_RESPONSE", "A payment of €5.00 on an order waits for an answer"),
        ("barter", "success", "A transaction of €5.00 on an order succeeded"),
        ("sale", None, "A payment of €5.00 on an order was recorded"),
    ],
)
def test_a_transaction_tells_what_became_of_the_money(kind: str, status: object, sentence: str) -> None:
    body = {"id": 1, "order_id": 2, "kind": kind, "status": status, "amount": "5.00", "currency": "EUR"}
    assert title("order_transactions/create", body) == sentence


def test_an_authorization_and_its_release_say_that_no_money_has_moved() -> None:
    body = {"id": 1, "order_id": 2, "status": "success", "amount": "5.00", "currency": "EUR"}
    assert "No money has moved: it is held" in written("order_transactions/create", body | {"kind": "authorization"})
    assert "No money has moved." in written("order_transactions/create", body | {"kind": "void"})
    assert "No money" not in written("order_transactions/create", body | {"kind": "sale"})


def test_a_transaction_that_went_through_shows_no_reason_of_a_failure() -> None:
    body = {"id": 1, "order_id": 2, "kind": "sale", "amount": "5.00", "currency": "EUR", "error_code": "card_declined"}
    assert "card declined" in written("order_transactions/create", body | {"status": "failure"})
    assert "card declined" not in written("order_transactions/create", body | {"status": "success"})


def test_a_refund_in_two_currencies_and_in_store_credit_is_grammatical() -> None:
    two = refund(paid_back("30.00"), paid_back("5.00", currency="USD"))
    assert title("refunds/create", two) == "€30.00 and $5.00 were refunded on an order"
    assert "store credit" in (
        text := written("refunds/create", refund(paid_back("30.00", gateway="shopify_store_credit")))
    )
    assert "shopify store credit" not in text
