"""Tests of Shopify's messages of rare statuses, gateways and trimmed bodies."""

import pytest

from tests.messages.shopify_messages import ADMIN, event_of, sample, title, written


def refund(**more: object) -> dict[str, object]:
    transaction = {"id": 1, "amount": "10.00", "currency": "EUR", "kind": "refund", "status": "success"}
    return {"id": 31, "order_id": 5, "refund_line_items": [], "transactions": [transaction | more]}


def test_a_prevented_dispute_is_over() -> None:
    # "Added support for dispute preventions", https://shopify.dev/changelog/adds-support-for-dispute-preventions
    body = {"id": 1, "order_id": 5, "type": "inquiry", "amount": "9.00", "currency": "EUR", "status": "prevented"}
    for topic in ("disputes/create", "disputes/update"):
        text = written(topic, body | {"evidence_due_by": "2026-12-07T00:00:00Z"})
        assert title(topic, body).endswith("The inquiry over €9.00 on an order was prevented: no chargeback followed")
        assert "Answer before" not in text


@pytest.mark.parametrize(
    ("gateway", "shown"),
    [
        ("Cash on Delivery (COD)", "Cash on Delivery (COD)"),
        ("Klarna - Pay later", "Klarna - Pay later"),
        ("bank_deposit", "bank deposit"),
        ("exchange-credit", "credit from an exchange"),
        ("shop_cash", "Shop Cash"),
    ],
)
def test_a_gateway_goes_by_its_own_name(gateway: str, shown: str) -> None:
    assert f"*Through*\n{shown}\n" in written("refunds/create", refund(gateway=gateway))


def test_one_item_too_many_was_sold() -> None:
    level = {"inventory_item_id": 9, "location_id": 1}
    assert title("inventory_levels/update", level | {"available": -1}).endswith("1 more was sold than is there")
    assert title("inventory_levels/update", level | {"available": -2}).endswith("2 more were sold than are there")


def test_an_authorization_at_a_terminal_is_an_authorization() -> None:
    # "Transaction", https://shopify.dev/docs/api/admin-rest/latest/resources/transaction: `kind`
    body = {"id": 1, "order_id": 5, "amount": "9.00", "currency": "EUR", "kind": "emv_authorization"}
    text = written("order_transactions/create", body | {"status": "success"})
    assert "An authorization of *€9.00*" in text
    assert "No money has moved" in text


def test_a_variant_back_in_stock_does_not_say_zero() -> None:
    body = sample("variants/in_stock") | {"inventory_quantity": 0}
    assert "In stock" not in written("variants/in_stock", body)


def test_a_global_id_alone_links_the_order() -> None:
    event = event_of("orders/create", {"admin_graphql_api_id": "gid://shopify/Order/5"})
    assert (event.subject, event.url) == ("Order/5", f"{ADMIN}/orders/5")


@pytest.mark.parametrize("name", ["#1042.1", "#1042-F1", "#1042-F12", "#1042"])
def test_the_number_of_a_shipment_is_not_the_orders(name: str) -> None:
    assert "|#1042> to" in written("fulfillments/create", sample("fulfillments/create") | {"name": name})


def test_a_shops_own_suffix_stays() -> None:
    assert "|#1042-FR> to" in written("fulfillments/create", sample("fulfillments/create") | {"name": "#1042-FR.1"})


def test_an_order_that_is_partly_sent_and_partly_paid_says_both() -> None:
    body = sample("orders/partially_fulfilled") | {"financial_status": "partially_paid", "total_outstanding": "5.00"}
    assert "*Still to pay*\n€5.00" in written("orders/partially_fulfilled", body)


def test_an_update_of_a_cancelled_order_says_so() -> None:
    body = sample("orders/updated") | {"cancelled_at": "2026-11-23T00:00:00Z", "cancel_reason": "fraud"}
    assert "*Cancelled*\nthe order is fraudulent" in written("orders/updated", body)
    assert "*Cancelled*\nyes" in written("orders/updated", body | {"cancel_reason": "other"})
    assert "Cancelled" not in written("orders/updated", body | {"cancelled_at": None})


def test_items_of_an_old_refund_that_were_put_back_are_told() -> None:
    # Before `restock_type` (2018) a refund said `restock` alone.
    lines = [{"quantity": 1, "line_item": {"title": "Mug"}}]
    assert "*Back in stock*\nyes" in written("refunds/create", refund() | {"refund_line_items": lines, "restock": True})
    assert "*Back in stock*\nno" in written("refunds/create", refund() | {"refund_line_items": lines, "restock": False})


def test_a_payment_that_succeeded_names_no_failure() -> None:
    body = sample("subscription_billing_attempts/failure")
    text = written("subscription_billing_attempts/success", body)
    assert "Why" not in text
    assert str(body["error_message"]) not in text


@pytest.mark.parametrize(
    ("method", "shown"),
    [
        ("apple_pay", "by Apple Pay was"),
        ("credit_card", "by credit card was"),
        ("shopify_pay", "by Shop Pay was"),
        ("paypal", "by PayPal was"),
    ],
)
def test_a_means_of_payment_goes_by_its_own_name(method: str, shown: str) -> None:
    # "TenderTransaction", https://shopify.dev/docs/api/admin-rest/latest/resources/tendertransaction: `payment_method`
    body = sample("tender_transactions/create") | {"payment_method": method}
    assert shown in title("tender_transactions/create", body)


@pytest.mark.parametrize(
    ("status", "shown"),
    [("success", "was released: no money"), ("failure", "could not be released"), ("pending", "is being released")],
)
def test_an_authorization_is_released_only_if_that_succeeded(status: str, shown: str) -> None:
    assert f"An authorization of €10.00 on an order {shown}" in title(
        "refunds/create", refund(kind="void", status=status)
    )


def test_a_changed_number_is_shown_also_if_it_is_zero() -> None:
    body = {
        "topic": "Product",
        "action": "update",
        "fields_changed": ["product.totalInventory"],
        "data": {"product": {"title": "Mug", "totalInventory": 0}},
    }
    assert title("Product/update", body).endswith("was updated: total inventory (now 0)")
