"""Tests of Shopify's events."""

import json
import re
from pathlib import Path

import pytest
from multidict import CIMultiDict

from bridge.events import Event, Request
from bridge.samples import Sample, samples
from bridge.sources import Malformed
from bridge.sources.shopify.provider import PROVIDER
from tests.walks import for_each

NOW = 1_795_392_000.0
SECRET = "hush"
PAYLOADS = Path(__file__).parents[2].parent / "shared" / "payloads" / "shopify"
SHOP = "example.myshopify.com"
GID = "gid://shopify/"


def event_of(topic: str, payload: object, *headers: tuple[str, str]) -> Event:
    return event_from(json.dumps(payload).encode(), ("X-Shopify-Topic", topic), *headers)


def event_from(body: bytes, *headers: tuple[str, str]) -> Event:
    given = CIMultiDict(headers)
    given.setdefault("X-Shopify-Shop-Domain", SHOP)
    (event,) = PROVIDER.events(Request("POST", "https://x.example.com/", given, body), "shopify-eu", NOW)
    return event


ORDER = {
    "id": 9_007_199_254_740_993,
    "name": "#1042",
    "total_price": "388.00",
    "currency": "CAD",
    "customer": {"first_name": "Ada", "last_name": "Marsh"},
    "updated_at": "2026-11-23T09:15:06-05:00",
}


def test_an_order_fills_every_field() -> None:
    event = event_of("orders/create", ORDER, ("X-Shopify-Webhook-Id", "w-1"))
    assert event.source == "shopify-eu"
    assert event.provider == "shopify"
    assert event.type == "orders/create"
    assert event.subject == "Order/9007199254740993"
    assert event.name == "#1042"
    assert event.url == f"https://{SHOP}/admin/orders/9007199254740993"
    assert event.actor == "Ada Marsh"
    assert event.occurred_at == 1795443306.0
    assert event.received_at == NOW
    assert event.payload["id"] == 9_007_199_254_740_993
    assert not event.test
    assert not event.confidential


def test_two_arrivals_share_a_key_through_webhook_id_event_id_or_body() -> None:
    def keys(body: bytes, webhook: str, event: str, topic: str = "orders/create", name: str = "") -> set[str]:
        return set(
            event_from(
                body,
                ("X-Shopify-Topic", topic),
                ("X-Shopify-Webhook-Id", webhook),
                ("X-Shopify-Event-Id", event),
                ("X-Shopify-Name", name),
            ).keys
        )

    first = keys(b'{"id":1,"a":1}', "w1", "e1")
    assert first & keys(b'{"id":1,"a":2}', "w1", "e2"), "the same webhook id is a retry"
    assert first & keys(b'{"id":1,"a":2}', "w2", "e1"), "the same event id, topic and thing is a second subscription"
    assert first & keys(b'{"id":1,"a":1}', "w2", "e2"), "a replay of the body under new ids is still a duplicate"
    assert not first & keys(b'{"id":1,"a":1}', "w2", "e1", "orders/paid"), "another topic shares the event id"
    assert not first & keys(b'{"id":2,"a":1}', "w2", "e1"), "one action of the merchant may touch many things"
    assert not first & keys(b'{"id":1,"a":2}', "w2", "e1", name="second"), "a named subscription is its own"


def test_missing_or_odd_ids_give_no_separate_key() -> None:
    assert len(event_of("orders/create", ORDER).keys) == 1
    keys = event_of("orders/create", ORDER, ("X-Shopify-Webhook-Id", "\udcff" * 50_000)).keys
    assert all(key.isascii() and len(key) < 200 for key in keys)


NEXT_GEN_BODY = {
    "topic": "Product",
    "action": "update",
    "handle": "prices",
    "fields_changed": {"added": [], "updated": ["product.title"], "removed": []},
    "query_variables": {"productId": "gid://shopify/Product/9018273645512"},
    "data": {"product": {"title": "Stoneware mug"}},
}


def test_next_gen_events_have_their_own_headers_and_types() -> None:
    event = event_from(
        json.dumps(NEXT_GEN_BODY).encode(),
        ("shopify-topic", "Product"),
        ("shopify-action", "update"),
        ("shopify-shop-domain", SHOP),
    )
    assert event.type == "Product/update"
    assert event.subject == "Product/9018273645512"
    assert event.url == f"https://{SHOP}/admin/products/9018273645512"
    assert event.name == "Stoneware mug"


def test_the_signed_body_states_the_type_of_a_next_gen_event_and_headers_cannot_change_it() -> None:
    body = json.dumps(NEXT_GEN_BODY).encode()
    assert event_from(body, ("shopify-topic", "Order"), ("shopify-action", "delete")).type == "Product/update"
    assert event_from(body, ("X-Shopify-Topic", "app/uninstalled")).type == "Product/update"


def test_next_gen_headers_alone_name_the_type_and_the_thing() -> None:
    event = event_from(
        b"{}",
        ("shopify-topic", "Product"),
        ("shopify-action", "create"),
        ("shopify-resource-id", "gid://shopify/Product/5"),
    )
    assert (event.type, event.subject) == ("Product/create", "Product/5")


def test_with_both_families_the_newer_headers_count() -> None:
    both = (("x-shopify-topic", "products/update"), ("shopify-topic", "Product"), ("shopify-action", "update"))
    assert event_from(b"{}", *both).type == "Product/update"
    assert event_from(b"{}", ("shopify-topic", "orders/create"), ("shopify-action", "create")).type == "orders/create"


@pytest.mark.parametrize("headers", [(), (("X-Shopify-Topic", ""),), (("X-Shopify-Topic", "\x00\r\n"),)])
def test_without_a_topic_it_is_still_an_event(headers: tuple[tuple[str, str], ...]) -> None:
    event = event_from(b'{"id":1}', *headers)
    assert event.type == "unknown"
    assert PROVIDER.line(event) == "Shopify webhook without a topic"


@pytest.mark.parametrize("topic", ["/", "/create", ".", "//", "x" * 99 + " y"])
def test_a_topic_without_its_parts_still_has_a_subject_and_a_line(topic: str) -> None:
    event = event_from(b"{}", ("X-Shopify-Topic", topic))
    assert event.subject
    assert PROVIDER.line(event)
    assert event.type == event.type.strip() != ""


@pytest.mark.parametrize(
    "object_id", ["9" * 300, "gid://shopify/" + "K" * 300, "gid://shopify/" + "K" * 150 + "/" + "é" * 150]
)
def test_a_subject_has_a_bounded_length_with_any_id(object_id: str) -> None:
    assert len(event_of("orders/create", {"id": object_id}).subject) <= 200
    assert len(event_from(b"{}", ("shopify-topic", "Product"), ("shopify-resource-id", object_id)).subject) <= 200


def test_xml_is_an_event_without_details() -> None:
    event = event_from(b"<order/>", ("X-Shopify-Topic", "orders/create"), ("Content-Type", "application/xml"))
    assert event.name == ""
    assert event.payload == {"xml": "<order/>"}


@pytest.mark.parametrize("body", [b"<order/>", b"[]", b"1", b"null", b'"x"', b'{"id":', b"[" * 10_000])
def test_a_body_that_is_no_json_object_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        event_from(body, ("X-Shopify-Topic", "orders/create"), ("Content-Type", "application/json"))


@pytest.mark.parametrize(
    "domain",
    [
        "evil.example.com",
        "myshopify.com",
        ".myshopify.com",
        "a.b.myshopify.com",
        "evil.example.com/.myshopify.com",
        "x@evil.myshopify.com",
        "x:80.myshopify.com",
        "ex<ample.myshopify.com",
        "exämple.myshopify.com",
        "x.myshopify.com.evil.example.com",
        "-x.myshopify.com",
        "x" * 5000 + ".myshopify.com",
    ],
)
def test_no_link_is_built_to_a_host_that_is_no_shop(domain: str) -> None:
    assert event_of("orders/create", ORDER, ("X-Shopify-Shop-Domain", domain)).url == ""


def test_the_shop_that_the_signed_body_names_goes_before_the_header() -> None:
    event = event_of(
        "shop/update", {"id": 1, "myshopify_domain": "real.myshopify.com"}, ("X-Shopify-Shop-Domain", SHOP)
    )
    assert event.url == "https://real.myshopify.com/admin"


@pytest.mark.parametrize("order_id", ["1/../../x", "1?x", "", None, {}, [1], 1.5, "9" * 30])
def test_an_odd_id_never_reaches_a_link(order_id: object) -> None:
    url = event_of("orders/create", {"id": order_id}).url
    assert url in (f"https://{SHOP}/admin", f"https://{SHOP}/admin/orders")


@pytest.mark.parametrize(
    ("topic", "payload", "subject", "path"),
    [
        ("refunds/create", {"id": 1, "order_id": 2}, "Order/2", "/orders/2"),
        ("fulfillments/update", {"id": 1, "order_id": 2}, "Order/2", "/orders/2"),
        ("disputes/create", {"id": 1, "order_id": 2}, "Order/2", "/orders/2"),
        ("disputes/create", {"id": 1, "order_id": None}, "disputes", "/orders"),
        ("returns/update", {"admin_graphql_api_id": "gid://shopify/Return/8"}, "Return/8", "/orders"),
        (
            "fulfillment_orders/split",
            {"fulfillment_order": {"id": f"{GID}FulfillmentOrder/9"}},
            "FulfillmentOrder/9",
            "/orders",
        ),
        ("payment_terms/update", {"id": 7, "admin_graphql_api_id": f"{GID}PaymentsX/7"}, "PaymentTerms/7", "/orders"),
        ("payment_schedules/due", {"id": 1, "payment_terms_id": 7}, "PaymentTerms/7", "/orders"),
        ("product_publications/delete", {"id": None}, "product_publications", "/products"),
        (
            "company_locations/delete",
            {"admin_graphql_api_id": f"{GID}CompanyLocation/2", "company": {"admin_graphql_api_id": f"{GID}Company/1"}},
            "CompanyLocation/2",
            "/companies/1",
        ),
        (
            "company_contacts/update",
            {"admin_graphql_api_id": f"{GID}CompanyContact/2"},
            "CompanyContact/2",
            "/companies",
        ),
        ("order_transactions/create", {"id": 1, "order_id": 2}, "Order/2", "/orders/2"),
        ("orders/edited", {"order_edit": {"id": 1, "order_id": 2}}, "Order/2", "/orders/2"),
        ("returns/request", {"id": 1, "order": {"id": 2}}, "Order/2", "/orders/2"),
        ("orders/delete", {"id": 2}, "Order/2", "/orders"),
        ("products/update", {"id": 3}, "Product/3", "/products/3"),
        ("variants/in_stock", {"id": 4, "product_id": 3}, "ProductVariant/4", "/products/3/variants/4"),
        (
            "variants/in_stock",
            {"admin_graphql_api_id": "gid://shopify/ProductVariant/4", "product_id": 3},
            "ProductVariant/4",
            "/products/3/variants/4",
        ),
        ("product_listings/remove", {"product_listing": {"product_id": 3}}, "Product/3", "/products/3"),
        (
            "inventory_levels/update",
            {"inventory_item_id": 5},
            "InventoryItem/5",
            "/products/inventory/5/inventory_history",
        ),
        ("customers/update", {"id": 6}, "Customer/6", "/customers/6"),
        ("customer.tags_added", {"customerId": "gid://shopify/Customer/6"}, "Customer/6", "/customers/6"),
        ("customers/redact", {"customer": {"id": 6}, "shop_id": 1}, "Customer/6", "/customers/6"),
        ("checkouts/create", {"token": "t0"}, "Checkout/t0", "/checkouts"),
        ("products/delete", {"id": 3}, "Product/3", "/products"),
        ("locales/create", {"locale": "fr-CA"}, "Locale/fr-CA", "/settings/languages"),
        ("customer_account_settings/update", {}, "customer_account_settings", "/settings/customer_accounts"),
    ],
)
def test_the_subject_is_the_thing_and_the_link_leads_to_it(
    topic: str, payload: object, subject: str, path: str
) -> None:
    event = event_of(topic, payload)
    assert event.subject == subject
    assert event.url == f"https://{SHOP}/admin{path}"


@pytest.mark.parametrize(
    ("triggered_at", "payload", "seconds"),
    [
        ("2026-11-22T23:59:59.123456789Z", {}, 1795391999.123456),
        ("", {"updated_at": "2026-11-23T00:00:00+00:00", "created_at": "2020-01-01T00:00:00Z"}, NOW),
        ("", {"updated_at": None, "created_at": "2026-11-23 00:00:00"}, NOW),
        ("nonsense", {"happened_at": "2026-11-23T00:00:00Z"}, NOW),
        ("0001-01-01T00:00:00+14:00", {}, None),
        ("9999-12-31T23:59:59-23:59", {}, 253402387139.0),
        ("", {"created_at": 12, "updated_at": ["x"]}, None),
        ("", {"updated_at": "2015-04-08T25:00:25-07:00"}, None),
    ],
)
def test_the_time_is_read_and_nonsense_is_no_time(triggered_at: str, payload: object, seconds: float | None) -> None:
    assert event_of("orders/create", payload, ("X-Shopify-Triggered-At", triggered_at)).occurred_at == seconds


def test_a_test_is_marked_by_the_order_the_refund_or_the_header() -> None:
    assert event_of("orders/create", {"test": True}).test
    assert event_of("refunds/create", {"transactions": [{"test": True}]}).test
    assert event_of("orders/create", {}, ("X-Shopify-Test", "true")).test
    assert not event_of("orders/create", {"test": "true"}, ("X-Shopify-Test", "false")).test


@pytest.mark.parametrize(
    ("topic", "payload", "name"),
    [
        ("orders/create", ORDER, "#1042"),
        ("orders/create", {"order_number": 1042}, "#1042"),
        ("orders/create", {"title": "no", "id": 1}, ""),
        ("refunds/create", {"id": 1, "order_id": 2}, ""),
        ("draft_orders/create", {"name": "#D7"}, "#D7"),
        ("fulfillments/create", {"name": "#1042.1"}, "#1042.1"),
        ("returns/request", {"name": "#1042-R1"}, "#1042-R1"),
        ("checkouts/create", {"name": "#9817263544"}, ""),
        ("products/create", {"title": "Stoneware mug"}, "Stoneware mug"),
        ("product_listings/add", {"product_listing": {"title": "Stoneware mug"}}, "Stoneware mug"),
        ("variants/in_stock", {"title": "Default Title", "sku": "MUG-1"}, "MUG-1"),
        ("collections/update", {"title": "Winter"}, "Winter"),
        ("customers/create", {"first_name": "Ada", "last_name": None}, "Ada"),
        ("customers/create", {"default_address": {"company": "Acme"}}, "Acme"),
        ("companies/create", {"name": "Acme"}, "Acme"),
        ("company_contacts/create", {"title": "Buyer", "company": {"name": "Acme"}}, "Buyer"),
        ("company_contact_roles/assign", {"company_contact": {"company": {"name": "Acme"}}}, "Acme"),
        ("app_subscriptions/update", {"app_subscription": {"name": "Studio plan"}}, "Studio plan"),
        ("discounts/redeemcode_added", {"redeem_code": {"code": "TEN"}}, "TEN"),
        ("domains/create", {"host": "shop.example.com"}, "shop.example.com"),
        ("metaobjects/create", {"handle": "maker", "display_name": "Maeve"}, "Maeve"),
        ("Product/update", {"fields_changed": {}, "data": {"product": {"title": "Mug"}}, "handle": "x"}, "Mug"),
        ("Customer/update", {"fields_changed": {}, "data": {"customer": {"displayName": "Ada"}}}, "Ada"),
    ],
)
def test_the_name_is_what_its_owner_calls_the_thing(topic: str, payload: object, name: str) -> None:
    assert event_of(topic, payload).name == name


def test_a_name_is_one_line_of_bounded_length_and_free_of_control_characters() -> None:
    event = event_of("products/create", {"title": "a\x00\n\u202e" + "x" * 90_000})
    assert len(event.name) <= 120
    assert event.name.isprintable()


@pytest.mark.parametrize(
    ("name", "event_type"),
    [
        ("orders.create", "orders/create"),
        ("customer.tags_added", "customer.tags_added"),
        ("customers.data_request", "customers/data_request"),
        ("customer_groups.create", "customer_groups/create"),
        ("Product.create", "Product/create"),
    ],
)
def test_a_samples_file_name_is_its_type(name: str, event_type: str) -> None:
    assert PROVIDER.type_of_sample(name) == event_type


def test_the_request_made_for_a_sample_is_what_shopify_would_send() -> None:
    made = PROVIDER.request_for("orders/create", {"url": "https://x/y", "who": "Zoë"}, SECRET, NOW)
    PROVIDER.verify(made, [SECRET], NOW)
    assert made.method == "POST"
    assert made.body == '{"url":"https:\\/\\/x\\/y","who":"Zoë"}'.encode()
    assert made.header("x-shopify-topic") == "orders/create"
    assert made.header("x-shopify-api-version") == "2026-07"
    assert made.header("x-shopify-triggered-at") == "2026-11-23T00:00:00.000000000Z"
    later = PROVIDER.request_for("orders/create", {"url": "https://x/y", "who": "Zoë"}, SECRET, NOW + 1)
    assert later.header("x-shopify-webhook-id") != made.header("x-shopify-webhook-id")


def test_a_next_gen_request_has_the_headers_without_x() -> None:
    made = PROVIDER.request_for("Product/update", NEXT_GEN_BODY, SECRET, NOW)
    PROVIDER.verify(made, [SECRET], NOW)
    assert made.header("shopify-topic") == "Product"
    assert made.header("shopify-action") == "update"
    assert made.header("shopify-handle") == "prices"
    assert made.header("x-shopify-topic") is None


def test_raw_bytes_are_signed_as_they_are() -> None:
    made = PROVIDER.request_for("orders/create", b"\xff{", SECRET, NOW)
    assert made.body == b"\xff{"
    PROVIDER.verify(made, [SECRET], NOW)


SAMPLES = [sample for sample in samples().values() if sample.provider == "shopify"]


@for_each(SAMPLES, name=lambda sample: sample.type)
def test_every_sample_is_verified_and_becomes_its_type(sample: Sample) -> None:
    assert_whole(sample.type, sample.body)


def assert_whole(event_type: str, body: object) -> None:
    made = PROVIDER.request_for(event_type, body, SECRET, NOW)
    PROVIDER.verify(made, [SECRET], NOW)
    (event,) = PROVIDER.events(made, "shopify", NOW)
    assert event.type == event_type
    assert re.match(r"https://[a-z0-9-]+\.myshopify\.com/admin", event.url)
    assert PROVIDER.line(event).isprintable()
    assert not re.search(r"None|null|\{|_", PROVIDER.line(event))
    assert event.occurred_at == NOW


def test_the_groups_that_teams_watch_have_samples() -> None:
    types = {sample.type for sample in SAMPLES}
    assert len(types) > 120
    assert types >= {"orders/create", "refunds/create", "customer.tags_added", "Product/create", "shop/redact"}


@pytest.mark.skipif(not PAYLOADS.exists(), reason="the folder of shared payloads is not here")
def test_every_documented_payload_is_verified_and_becomes_its_type() -> None:
    index = json.loads((PAYLOADS / "index.json").read_text())
    seen = 0
    for name, about in index.items():
        topic = about.get("X-Shopify-Topic")
        if topic and (PAYLOADS / name).exists():
            assert_whole(topic, json.loads((PAYLOADS / name).read_text()))
            seen += 1
    assert seen > 200


@pytest.mark.skipif(not PAYLOADS.exists(), reason="the folder of shared payloads is not here")
def test_the_blanked_shapes_of_real_payloads_become_events() -> None:
    for path in sorted((PAYLOADS / "shapes").glob("*.json")):
        event_type = PROVIDER.type_of_sample(path.stem)
        (event,) = PROVIDER.events(PROVIDER.request_for(event_type, path.read_bytes(), SECRET, NOW), "shopify", NOW)
        assert event.type == event_type
