"""Tests of Shopify's messages of edited orders, bodies with few fields, uncounted stock, and old API versions.

Sources: the REST resources that webhooks carry. "Order", https://shopify.dev/docs/api/admin-rest/latest/resources/order:
the `current_` fields reflect edits, returns and refunds. "InventoryLevel",
https://shopify.dev/docs/api/admin-rest/latest/resources/inventorylevel: `available` is null if the item is not tracked.
"""

import json
from pathlib import Path

import pytest

from bridge.core.payload import map_at
from tests.messages.shopify_messages import ADMIN, ORDER, sample, title, written

CASES = Path(__file__).parents[2].parent / "shared" / "cases"


def edited(**more: object) -> dict[str, object]:
    """Return an order of which an edit removed the bowl and one of three jugs."""
    order = sample("orders/create")
    lines = [
        {
            "title": "Jug",
            "quantity": 3,
            "current_quantity": 2,
            "fulfillable_quantity": 1,
            "fulfillment_status": "partial",
        },
        {"title": "Bowl", "quantity": 1, "current_quantity": 0, "fulfillable_quantity": 0, "fulfillment_status": None},
    ]
    money = {"shop_money": {"amount": "40.00", "currency_code": "EUR"}}
    now = {"current_total_price": "40.00", "current_total_price_set": money, "current_total_discounts": "2.00"}
    return order | {"total_price": "90.00", "total_discounts": "9.00", "line_items": lines} | now | more


@pytest.mark.parametrize("action", ["create", "paid", "updated", "fulfilled", "partially_fulfilled", "cancelled"])
def test_an_edited_order_shows_what_is_left_of_it(action: str) -> None:
    text = written(f"orders/{action}", edited())
    assert "Bowl" not in text
    assert "3 × Jug" not in text
    assert "90.00" not in text
    assert "9.00" not in text
    if action != "updated":
        assert ("1 × Jug" if action == "partially_fulfilled" else "• 2 × Jug") in text
    if action in ("create", "paid", "updated", "cancelled"):
        assert "*€40.00*" in text


def test_a_cancelled_order_of_which_nothing_is_left_shows_what_it_was() -> None:
    gone = [{"title": "Jug", "quantity": 3, "current_quantity": 0}]
    text = written("orders/cancelled", edited(line_items=gone, current_total_price="0.00"))
    assert "over *€144.50*" in text or "over *€90.00*" in text
    assert "• 3 × Jug" in text


def test_an_order_of_an_old_api_shows_its_only_total_and_quantities() -> None:
    order = {
        "id": 1,
        "name": "#7",
        "total_price": "5.00",
        "currency": "EUR",
        "line_items": [{"title": "Jug", "quantity": 2}],
    }
    text = written("orders/create", order)
    assert "*€5.00*" in text
    assert "• 2 × Jug" in text


def test_a_free_order_has_a_total() -> None:
    assert title("orders/create", {"name": "#7", "total_price": "0.00", "currency": "EUR"}) == "New order #7: €0.00"
    assert title("orders/create", {"name": "#7", "total_price": 0, "currency": "EUR"}) == "New order #7: €0.00"
    free_now = {"name": "#7", "total_price": "9.00", "current_total_price": 0, "currency": "EUR"}
    assert title("orders/updated", free_now) == "Order #7 was updated: €0.00"


def test_a_trimmed_order_shows_what_its_body_holds() -> None:
    """Source: "Modify payloads", https://shopify.dev/docs/apps/build/webhooks/customize/modify_payloads."""
    body = {"order_number": 1042, "total_price": "5.00", "line_items": [{"name": "Jug - Moss", "quantity": 2}]}
    text = written("orders/paid", body)
    assert f"Order <{ADMIN}/orders|#1042> was *paid*: *5.00*" in text
    assert "• 2 × Jug - Moss" in text
    assert (
        title("orders/paid", {"total_price": "5.00", "currency": "EUR"})
        == ":white_check_mark: An order was paid: €5.00"
    )
    assert title("orders/link_requested", {"order_number": 1042}).endswith("asked for a new link to order #1042")


def test_a_trimmed_order_does_not_claim_that_nothing_was_sent() -> None:
    assert "Shipping" not in written("orders/updated", {"id": 1, "financial_status": "paid"})
    assert "*Shipping*\nnothing was sent yet" in written("orders/updated", {"id": 1, "fulfillment_status": None})


def test_an_order_names_the_company_that_it_is_for() -> None:
    text = written("orders/create", sample("orders/create") | {"billing_address": {"company": "Quay Street Café"}})
    assert "*Company*\nQuay Street Café" in text
    nobody = {"customer": None, "billing_address": {"company": "Quay Street Café"}}
    assert "from *Quay Street Café*" in written("orders/create", sample("orders/create") | nobody)


def test_an_order_of_a_business_without_a_name_links_its_company() -> None:
    order = sample("orders/create") | {"customer": None, "billing_address": None, "shipping_address": None}
    text = written("orders/create", order | {"company": {"id": 40836, "location_id": 1}})
    assert f"*Company*\n<{ADMIN}/companies/40836|a company>" in text


def test_a_customer_of_a_company_is_shown_with_it() -> None:
    ada = {"id": 1, "first_name": "Ada", "default_address": {"company": "Quay Street Café"}}
    assert "*Company*\nQuay Street Café" in written("customers/create", ada)
    assert title("customers/create", ada | {"first_name": None}) == "Quay Street Café is a new customer"
    assert title("customers/enable", {"id": 1}) == "A customer has an account now"


def test_shipping_that_an_edit_removed_is_not_the_delivery() -> None:
    ways = [{"title": "By boat", "is_removed": True}, {"title": "By bike", "is_removed": False}]
    assert "*Delivery*\nBy bike" in written("orders/create", sample("orders/create") | {"shipping_lines": ways})


def test_a_new_shipment_holds_no_line_that_an_edit_removed() -> None:
    lines = [
        {"title": "Jug", "quantity": 1, "current_quantity": 3},
        {"title": "Bowl", "quantity": 1, "current_quantity": 0},
    ]
    text = written("fulfillments/create", sample("fulfillments/create") | {"line_items": lines})
    assert "• 1 × Jug" in text
    assert "Bowl" not in text


def test_customers_that_are_being_merged_are_not_merged_yet() -> None:
    assert (
        title("customers/merge", sample("customers/merge") | {"status": "in_progress"})
        == "Two customers are being merged"
    )


def test_stock_that_came_in_is_not_called_complete_without_a_status() -> None:
    assert title("inventory_shipments/receive_items", {"id": "gid://shopify/InventoryShipment/1"}) == (
        ":white_check_mark: A shipment of stock had items received"
    )


def test_a_debt_of_nothing_is_nothing_and_not_the_whole_amount() -> None:
    due = {"id": 1, "balance_due": 0, "amount": "460.80", "currency": "EUR"}
    assert title("payment_schedules/due", due) == ":warning: An order is due to be paid: €0.00"


def test_a_free_plan_has_a_price() -> None:
    charge = dict(map_at(sample("app_subscriptions/update"), "app_subscription")) | {"price": 0, "currency": "EUR"}
    assert "*Price*\n€0.00" in written("app_subscriptions/update", {"app_subscription": charge})


def test_a_shipment_of_an_old_api_has_its_only_number() -> None:
    parcel = {"id": 1, "name": "#7.1", "tracking_number": "AB1", "tracking_url": "https://tracking.example.com/AB1"}
    assert "*Tracking*\n<https://tracking.example.com/AB1|AB1>" in written("fulfillments/create", parcel)


def test_stock_that_is_not_counted_is_not_zero() -> None:
    thing = {"title": "Print", "inventory_quantity": 0, "inventory_management": None, "inventory_policy": "deny"}
    text = written("products/create", sample("products/create") | {"variants": [thing]})
    assert "*In stock*\nnot tracked" in text
    assert "Sold out" not in text
    text = written(
        "products/create", sample("products/create") | {"variants": [thing | {"inventory_management": "shopify"}]}
    )
    assert "*In stock*\n0" in text
    assert "In stock" not in written("variants/in_stock", thing)
    both = [thing, thing | {"inventory_management": "shopify", "inventory_quantity": 4}]
    text = written("products/create", sample("products/create") | {"variants": both})
    assert "*In stock*\n4 and variants that are not tracked" in text


def test_a_stock_level_that_does_not_say_how_much_does_not_claim_that_it_is_untracked() -> None:
    text = written("inventory_levels/update", {"inventory_item_id": 1, "location_id": 2})
    assert "has another stock at" in text
    assert "tracked" not in text


def test_a_risk_that_the_body_does_not_hold_is_not_called_unknown() -> None:
    assert f"The fraud risk of <{ORDER}|an order> was assessed anew" in written(
        "orders/risk_assessment_changed", {"order_id": 6120394857712}
    )


def test_a_deleted_checkout_tells_what_it_was_worth() -> None:
    body = {"id": 38120394857, "total_price": "112.50", "presentment_currency": "EUR", "cart_token": "c1"}
    text = written("checkouts/delete", body)
    assert "was deleted: *€112.50*" in text
    assert "id 38120394857" in text


@pytest.mark.parametrize(
    "html",
    [
        "<script>if (a < b) { alert('hidden') }</script>",
        "<SCRIPT type='text/javascript'>hidden()</SCRIPT>",
        "<style>.hidden { color: red }</style>",
        "<script\n>hidden<b>hidden</b></script >",
        "<script/>hidden</script>",
        "<template><p>hidden</p></template>",
    ],
)
def test_scripts_and_styles_of_a_description_are_not_its_words(html: str) -> None:
    for event_type in ("products/create", "collections/create"):
        text = written(event_type, sample(event_type) | {"body_html": f"<p>Before</p>{html}<p>after</p>"})
        assert "> Before after\n" in text
        assert "hidden" not in text


def test_the_changes_of_a_next_gen_event_may_be_a_list() -> None:
    """Source: https://shopify.dev/changelog, 2026-09-16: `fields_changed` became an object of three lists."""
    body = sample("Product/update") | {
        "fields_changed": ["product.vendor", "product[id: 'gid://x'].variants[id: 'y'].price"]
    }
    assert title("Product/update", body) == "Product Stoneware mug was updated: vendor, price of variants"


@pytest.mark.skipif(not CASES.exists(), reason="the folder of shared cases is not here")
@pytest.mark.parametrize("action", ["create", "paid", "updated", "fulfilled", "cancelled"])
def test_the_shared_case_of_an_edited_order(action: str) -> None:
    text = written(f"orders/{action}", json.loads((CASES / "shopify-edited-order.json").read_text()))
    assert "Removed thing" not in text
    assert "500.00" not in text
    if action not in ("fulfilled",):
        assert "$200.00" in text
    if action != "updated":
        assert "• 2 × Kept thing" in text
