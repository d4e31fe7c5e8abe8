"""Tests of the first line of Shopify's messages: one sentence for every topic, also for bodies that hold little."""

import pytest

from bridge.sources.shopify.provider import PROVIDER
from tests.messages.shopify_messages import event_of, title, written

LITTLE = {"test": False}
"""A body that names nothing. An empty one counts as lost, and gets the plain line."""
ORDER = {
    "id": 9_007_199_254_740_993,
    "name": "#1042",
    "total_price": "388.00",
    "currency": "CAD",
    "customer": {"first_name": "Ada", "last_name": "Marsh"},
}


@pytest.mark.parametrize(
    ("topic", "payload", "sentence"),
    [
        ("orders/paid", ORDER, ":white_check_mark: Order #1042 from Ada Marsh was paid: CA$388.00"),
        ("orders/paid", LITTLE, ":white_check_mark: An order was paid"),
        ("orders/create", {"name": "#7", "total_price": "5.00"}, "New order #7: 5.00"),
        ("orders/create", {"name": "#7", "total_price": "5000", "currency": "JPY"}, "New order #7: ¥5,000"),
        (
            "orders/cancelled",
            {"name": "#7", "cancel_reason": "fraud"},
            ":warning: Order #7 was cancelled: the order is fraudulent",
        ),
        ("orders/cancelled", {"name": "#7", "cancel_reason": "other"}, ":warning: Order #7 was cancelled"),
        (
            "refunds/create",
            {"transactions": [{"kind": "refund", "status": "success", "amount": "75.00", "currency": "EUR"}] * 2},
            "€150.00 was refunded on an order",
        ),
        (
            "refunds/create",
            {"transactions": [{"kind": "refund", "status": "success", "amount": "75.00", "currency": None}]},
            "75.00 in the shop's currency was refunded on an order",
        ),
        (
            "refunds/create",
            {
                "transactions": [
                    {"kind": "refund", "status": "success", "amount": "75.00", "currency": "EUR"},
                    {"kind": "refund", "status": "success", "amount": "75.00", "currency": "USD"},
                ]
            },
            "€75.00 and $75.00 were refunded on an order",
        ),
        (
            "refunds/create",
            {"transactions": [{"kind": "refund", "status": "failure", "amount": "75.00", "currency": "EUR"}]},
            ":x: A refund of €75.00 on an order failed",
        ),
        ("refunds/create", {"transactions": "no"}, "A refund was made on an order"),
        (
            "fulfillments/create",
            {"name": "#1042.1", "status": "success", "tracking_company": "UPS"},
            "A shipment of order #1042 was sent (UPS)",
        ),
        (
            "fulfillments/update",
            {"name": "#1042.1", "shipment_status": "delivered"},
            ":white_check_mark: A shipment of order #1042 was delivered",
        ),
        ("fulfillments/update", LITTLE, "A shipment of an order was updated"),
        ("fulfillments/update", {"name": "SO.7.1", "status": "success"}, "A shipment of order SO.7 was updated"),
        (
            "fulfillments/update",
            {"name": "#7", "status": "cancelled"},
            ":warning: A shipment of order #7 was cancelled",
        ),
        ("locales/create", {"locale": "pt-BR"}, "Portuguese (Brazil) was added to the shop's languages"),
        ("locales/create", {"locale": "xx-Nowhere"}, "xx-Nowhere was added to the shop's languages"),
        ("locales/create", {"locale": "../../x"}, "../../x was added to the shop's languages"),
        ("locales/destroy", {"locale": None}, "A language was removed from the shop's languages"),
        ("markets_backup_region/update", {"code": "zz-nowhere"}, "The backup region of the markets is now zz-nowhere"),
        (
            "product_feeds/create",
            {"country": "CA", "language": "FR"},
            "The product feed for Canada in French was created",
        ),
        (
            "product_feeds/full_sync_finish",
            {"productFeed": {"country": "CA"}, "fullSync": {"errorCode": "FEED_GONE"}},
            ":x: The full sync of the product feed for Canada failed: feed gone",
        ),
        (
            "app_subscriptions/update",
            {"app_subscription": {"status": "CANCELLED"}},
            ":warning: An app subscription was cancelled",
        ),
        ("customers_marketing_consent/update", LITTLE, "A customer's consent to SMS marketing was updated"),
        ("company_contacts/create", {"company": {"name": "Acme"}}, "A contact of company Acme was added"),
        ("products/create", {"title": "Mug <b>"}, "Product Mug &lt;b&gt; was created"),
        ("products/delete", {"id": 1}, "A product was deleted"),
        ("variants/out_of_stock", {"title": "Sand"}, ":warning: Product variant Sand is out of stock"),
        ("inventory_levels/update", {"available": 0}, ":warning: An inventory item is sold out at a location"),
        ("inventory_levels/update", {"available": 1200}, "An inventory item has 1200 available at a location"),
        (
            "inventory_levels/update",
            {"available": -2},
            ":warning: An inventory item is sold out at a location: 2 more were sold than are there",
        ),
        (
            "inventory_levels/update",
            {"available": None},
            "An inventory item is not tracked at a location, so Shopify counts no stock of it",
        ),
        ("customers/create", {"first_name": "Ada", "last_name": None}, "Ada is a new customer"),
        ("customers/data_request", LITTLE, ":warning: A customer asked for the data that is kept about them"),
        ("shop/redact", LITTLE, ":warning: The shop's data must be erased"),
        (
            "disputes/create",
            {"type": "chargeback", "amount": "11.50", "currency": "CAD", "reason": "product_not_received"},
            ":rotating_light: A chargeback over CA$11.50 was opened on an order",
        ),
        ("app/uninstalled", {"name": "Super Toys"}, ":x: Super Toys uninstalled the app"),
        ("themes/publish", {"name": "Dawn"}, "Theme Dawn is now live"),
        (
            "bulk_operations/finish",
            {"type": "query", "status": "failed", "error_code": "TIMEOUT"},
            ":x: A bulk query failed: timeout",
        ),
        ("companies/create", {"name": "Acme"}, "Company Acme was created"),
        ("fulfillment_orders/placed_on_hold", LITTLE, ":warning: The fulfillment of an order was put on hold"),
        (
            "reverse_fulfillment_orders/dispose",
            {"dispositions": [{"type": "RESTOCKED", "quantity": 2}, {"type": "missing", "quantity": 1}]},
            ":warning: Returned items: 2 back in stock, 1 missing",
        ),
        ("subscription_billing_attempts/failure", LITTLE, ":x: A subscription payment failed"),
        ("customer.joined_segment", LITTLE, "A customer joined a segment"),
    ],
)
def test_the_first_line_is_a_sentence(topic: str, payload: object, sentence: str) -> None:
    assert title(topic, payload) == sentence


@pytest.mark.parametrize(
    ("topic", "payload", "sentence"),
    [
        ("gift_baskets/wrap_loosely", {"id": 7, "title": "Winter"}, "Gift basket “Winter” had an event: wrap loosely"),
        ("gift_baskets/wrap_loosely", LITTLE, "A gift basket had an event: wrap loosely"),
        ("gift_baskets/create", LITTLE, "A gift basket was created"),
        ("orders/teleported", {"name": "#7"}, "Order #7 had an event: teleported"),
        ("GiftBasket/update", LITTLE, "A gift basket was updated"),
        ("ORDERS_CREATE", LITTLE, "Shopify sent an event: orders create"),
        ("ordersCreate", LITTLE, "Shopify sent an event: orders create"),
        ("unknown", LITTLE, "Shopify sent a webhook without a topic"),
        ("/", LITTLE, "Shopify sent a webhook without a topic"),
        ("/create", LITTLE, "Shopify sent an event: create"),
    ],
)
def test_an_unknown_topic_still_reads_as_a_sentence(topic: str, payload: object, sentence: str) -> None:
    assert title(topic, payload) == sentence


def test_xml_states_why_it_shows_nothing() -> None:
    for topic, sentence in (("orders/create", "An order was placed"), ("themes/create", "A theme was created")):
        text = written(topic, {"xml": "<order/>"})
        assert text.startswith(sentence)
        assert "details not shown: the webhook's format is XML" in text


def test_the_plain_line_has_the_type_in_words_and_the_name() -> None:
    line = PROVIDER.line
    assert line(event_of("orders/create", ORDER)) == "Shopify order created: #1042"
    assert line(event_of("refunds/create", {"id": 1})) == "Shopify refund created"
    assert line(event_of("inventory_shipments/add_items", {})) == "Shopify inventory shipment items added"
    assert line(event_of("customer.tags_added", {})) == "Shopify customer tags added"
    assert line(event_of("app/scopes_update", {})) == "Shopify app scopes updated"
    assert line(event_of("companies/update", {"name": "Acme"})) == "Shopify company updated: Acme"
    assert line(event_of("ORDERS_CREATE", {})) == "Shopify orders create"
    assert line(event_of("unknown", {})) == "Shopify webhook without a topic"
