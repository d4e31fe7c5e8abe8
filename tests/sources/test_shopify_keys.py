"""Tests of Shopify's dedupe keys: which two deliveries are one event.

Sources: "Ignore duplicate webhooks", https://shopify.dev/docs/apps/build/webhooks/ignore-duplicates, which calls two
deliveries with one `X-Shopify-Event-Id` the same event; "Webhooks delivery structure",
https://shopify.dev/docs/apps/build/webhooks/delivery-structure, by which all webhooks of one action of the merchant
share that id.
"""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from bridge.core.payload import text_at
from bridge.events import Event, Request
from bridge.samples import Sample, samples
from bridge.sources.provider import key_ttls
from bridge.sources.shopify.provider import PROVIDER
from tests.walks import for_each

NOW = 1_795_392_000.0
CASES = Path(__file__).parents[2].parent / "shared" / "cases"
SAMPLES = [sample for sample in samples().values() if sample.provider == "shopify"]
ONCE = ("/create", "/delete", "/destroy")


def delivered(topic: str, body: object, webhook_id: str, event_id: str = "e-1", name: str = "") -> Event:
    """Return the event of one delivery, with the ids that Shopify would send in its headers."""
    headers = {"Shopify-Shop-Domain": "example.myshopify.com", "Shopify-Topic": topic}
    if topic[:1].isupper():
        headers["Shopify-Topic"], headers["Shopify-Action"] = topic.split("/")
    headers |= {"Shopify-Webhook-Id": webhook_id, "Shopify-Event-Id": event_id, "Shopify-Name": name}
    (event,) = PROVIDER.events(Request("POST", "https://x.example.com/", headers, json.dumps(body).encode()), "s", NOW)
    return event


def one(topic: str, first: object, second: object, event_id: str = "e-1") -> bool:
    """Return whether two deliveries under one Event-Id are one event."""
    keys = set(delivered(topic, first, "w-1").keys), set(delivered(topic, second, "w-2", event_id).keys)
    return bool(keys[0] & keys[1])


def twin(body: Mapping[str, object]) -> dict[str, object]:
    """Return the body of a sibling: each id of its own is another, else the first id below, else any value."""
    own = [name for name in ("id", "admin_graphql_api_id") if text_at(body, name)]
    if own:
        return {**body, **{name: _other(body[name]) for name in own}}
    for name, value in body.items():
        if isinstance(value, dict) and text_at(value, "id"):
            return {**body, name: value | {"id": _other(value["id"])}}
    name = next((name for name in body if isinstance(body[name], int | str)), next(iter(body)))
    return {**body, name: _other(body[name])}


def _other(value: object) -> object:
    return value + 1 if type(value) is int else f"{value}1"


@for_each(SAMPLES, name=lambda sample: sample.type)
def test_two_siblings_of_one_action_of_the_merchant_are_two_events(sample: Sample) -> None:
    assert isinstance(sample.body, dict)
    assert not one(sample.type, sample.body, twin(sample.body))


@for_each(SAMPLES, name=lambda sample: sample.type)
def test_a_second_delivery_of_one_event_under_another_webhook_id_is_a_duplicate(sample: Sample) -> None:
    assert one(sample.type, sample.body, sample.body)


@pytest.mark.thorough
@for_each([s for s in SAMPLES if not s.type.endswith(ONCE)], name=lambda sample: sample.type)
def test_a_second_change_of_one_thing_is_another_event_whatever_differs(sample: Sample) -> None:
    assert isinstance(sample.body, dict)
    for name in sample.body:
        assert not one(sample.type, sample.body, sample.body | {name: "other"})


@pytest.mark.parametrize(
    ("topic", "first", "second"),
    [
        ("refunds/create", {"id": 31, "order_id": 5}, {"id": 32, "order_id": 5}),
        ("order_transactions/create", {"id": 41, "order_id": 5}, {"id": 42, "order_id": 5}),
        ("tender_transactions/create", {"id": 51, "order_id": 5}, {"id": 52, "order_id": 5}),
        ("disputes/create", {"id": 61, "order_id": 5}, {"id": 62, "order_id": 5}),
        (
            "inventory_levels/update",
            {"inventory_item_id": 9, "location_id": 1},
            {"inventory_item_id": 9, "location_id": 2},
        ),
        (
            "inventory_levels/disconnect",
            {"inventory_item_id": 9, "location_id": 1},
            {"inventory_item_id": 9, "location_id": 2},
        ),
        (
            "discounts/redeemcode_added",
            {"admin_graphql_api_id": "gid://shopify/DiscountCodeNode/7", "redeem_code": {"id": 1, "code": "ONE"}},
            {"admin_graphql_api_id": "gid://shopify/DiscountCodeNode/7", "redeem_code": {"id": 2, "code": "TWO"}},
        ),
        (
            "product_publications/create",
            {"id": None, "publication_id": 1, "product_id": 3},
            {"id": None, "publication_id": 2, "product_id": 3},
        ),
        (
            "collection_publications/update",
            {"publication_id": 1, "collection_id": 3},
            {"publication_id": 2, "collection_id": 3},
        ),
        (
            "subscription_billing_attempts/failure",
            {"id": 1, "subscription_contract_id": 8},
            {"id": 2, "subscription_contract_id": 8},
        ),
        (
            "subscription_billing_cycles/skip",
            {"subscription_contract_id": 8, "cycle_index": 3},
            {"subscription_contract_id": 8, "cycle_index": 4},
        ),
        ("fulfillment_events/create", {"id": 1, "order_id": 5}, {"id": 2, "order_id": 5}),
        (
            "fulfillment_holds/added",
            {"fulfillment_order": {"id": 1}, "fulfillment_hold": {"id": 1}},
            {"fulfillment_order": {"id": 1}, "fulfillment_hold": {"id": 2}},
        ),
        (
            "returns/update",
            {"admin_graphql_api_id": "gid://shopify/Return/1", "return_line_items": {"removals": [{"delta": 1}]}},
            {"admin_graphql_api_id": "gid://shopify/Return/1", "return_shipping_fees": {"updates": [{"id": 1}]}},
        ),
        ("shipping_addresses/update", {"id": 1, "customer_id": 6}, {"id": 2, "customer_id": 6}),
        (
            "Product/update",
            {"topic": "Product", "action": "update", "fields_changed": {"updated": ["product.title"]}},
            {"topic": "Product", "action": "update", "fields_changed": {"updated": ["product.vendor"]}},
        ),
    ],
)
def test_the_key_holds_the_thing_and_not_its_parent(topic: str, first: object, second: object) -> None:
    assert not one(topic, first, second)
    assert delivered(topic, first, "w-1").subject == delivered(topic, second, "w-2").subject


def test_a_thing_is_created_and_deleted_once_whatever_fields_a_subscription_sends() -> None:
    for topic in ("orders/create", "orders/delete", "domains/destroy"):
        assert one(topic, {"id": 5, "name": "#1"}, {"id": 5})
        assert not one(topic, {"id": 5, "name": "#1"}, {"id": 5}, event_id="e-2")


def test_a_body_that_is_the_same_again_is_a_copy_for_minutes_only() -> None:
    first = delivered("inventory_levels/update", {"inventory_item_id": 9, "available": 5}, "w-1", "e-1")
    again = delivered("inventory_levels/update", {"inventory_item_id": 9, "available": 5}, "w-2", "e-2")
    (shared,) = set(first.keys) & set(again.keys)
    assert key_ttls(PROVIDER, (shared,), PROVIDER.dedupe_ttl) == (120.0,)
    assert sorted(key_ttls(PROVIDER, first.keys, PROVIDER.dedupe_ttl)) == [120.0, 86_400.0, 86_400.0]


@pytest.mark.skipif(not CASES.exists(), reason="the folder of shared cases is not here")
def test_the_shared_case_of_two_parcels_is_two_events() -> None:
    case = json.loads((CASES / "shopify-two-parcels-of-one-order.json").read_text())
    first, second = (delivered(case["topic"], body, f"w-{body['id']}", case["event_id"]) for body in case["bodies"])
    assert not set(first.keys) & set(second.keys)
    assert first.subject == second.subject == "Order/450789469"


@pytest.mark.parametrize("topic", ["orders/create", "products/delete"])
def test_subscriptions_that_send_different_fields_tell_of_one_creation_once(topic: str) -> None:
    """Shopify docs, "Modify payloads", https://shopify.dev/docs/apps/build/webhooks/customize : `include_fields`."""
    number, global_id = {"id": 7}, {"admin_graphql_api_id": "gid://shopify/Order/7"}
    for first, second in ((number, global_id), (number, number | global_id), (global_id, number | global_id)):
        assert one(topic, first, {**second, "note": "x"})
    assert not one(topic, number, {"id": 8, "note": "x"})
    assert not one(topic, global_id, {"admin_graphql_api_id": "gid://shopify/Order/8"})
