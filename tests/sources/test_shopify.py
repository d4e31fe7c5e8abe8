"""Tests of Shopify's signatures. Requests are signed here by hand, after Shopify's own description of the scheme."""

import base64
import hashlib
import hmac
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from multidict import CIMultiDict

from bridge.core.payload import map_at, text_at, true_at
from bridge.events import Request
from bridge.sources import Malformed, Unverified
from bridge.sources.shopify.provider import PROVIDER

NOW = 1_795_392_000.0
SECRET = "hush-this-is-the-client-secret"
BODY = b'{"id":820982911946154508,"name":"#1042","note":"na\\u00efve \\/ \xf0\x9f\x98\x80"}'
VECTORS = Path(__file__).parents[2].parent / "shared" / "vectors" / "signatures.json"

CLASSIC, NEXT_GEN = "X-Shopify-Hmac-Sha256", "shopify-hmac-sha256"


def signed(body: bytes = BODY, secret: str = SECRET) -> str:
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def request(*headers: tuple[str, str], body: bytes = BODY) -> Request:
    return Request("POST", "https://hooks.example.com/webhooks/shopify", CIMultiDict(headers), body)


def refusal(asked: Request, *secrets: str) -> str:
    with pytest.raises(Unverified) as refused:
        PROVIDER.verify(asked, secrets or (SECRET,), NOW)
    return str(refused.value)


@pytest.mark.parametrize("name", [CLASSIC, CLASSIC.upper(), CLASSIC.lower(), NEXT_GEN, "Shopify-Hmac-SHA256"])
def test_a_valid_signature_is_accepted_with_any_case_of_its_header(name: str) -> None:
    PROVIDER.verify(request((name, signed())), [SECRET], NOW)


def test_any_live_secret_is_accepted_and_a_retired_one_is_not() -> None:
    asked = request((CLASSIC, signed(secret="the-new-one")))
    PROVIDER.verify(asked, ["the-old-one", "the-new-one"], NOW)
    assert refusal(asked, "the-old-one") == "the HMAC does not match"


def test_blanks_around_a_secret_and_a_signature_are_not_part_of_them() -> None:
    PROVIDER.verify(request((CLASSIC, f" {signed()} ")), [f"{SECRET}\n"], NOW)


def test_a_secret_is_taken_as_utf8_text_and_never_decoded() -> None:
    PROVIDER.verify(request((CLASSIC, signed(secret="geheim-ß"))), ["geheim-ß"], NOW)
    as_base64 = base64.b64encode(b"key").decode()
    assert refusal(request((CLASSIC, signed(secret="key"))), as_base64)


@pytest.mark.parametrize(
    ("why", "value"),
    [
        ("another body", signed(b"{}")),
        ("another secret", signed(secret="other")),
        ("hex", hmac.new(SECRET.encode(), BODY, hashlib.sha256).hexdigest()),
        ("sha1", base64.b64encode(hmac.new(SECRET.encode(), BODY, hashlib.sha1).digest()).decode()),
        ("no padding", signed().rstrip("=")),
        ("url-safe alphabet", "-" + signed()[1:]),
        ("cut short", signed()[:10]),
        ("twice in one value", f"{signed()}, {signed()}"),
        ("a prefix", f"sha256={signed()}"),
        ("empty", ""),
        ("blank", "  "),
        ("not ASCII", "é" * 44),
        ("a lone surrogate", "\udcff" * 44),
        ("any surrogate", "\ud800"),
        ("very long", "A" * 60_000),
    ],
)
def test_a_wrong_signature_is_refused(why: str, value: str) -> None:
    assert refusal(request((CLASSIC, value))), why


def test_a_missing_signature_is_rejected_with_any_other_headers() -> None:
    assert "missing" in refusal(request(("X-Shopify-Topic", "orders/create"), ("X-Shopify-Webhook-Id", "1")))


@pytest.mark.parametrize("name", [CLASSIC, NEXT_GEN])
def test_a_signature_header_that_comes_twice_is_refused_even_if_both_are_right(name: str) -> None:
    assert "twice" in refusal(request((name, signed()), (name.upper(), signed())))


@pytest.mark.parametrize("bad", [signed(secret="other"), "", "\udcff"])
def test_with_both_families_a_right_signature_does_not_cover_for_a_wrong_one(bad: str) -> None:
    PROVIDER.verify(request((CLASSIC, signed()), (NEXT_GEN, signed())), [SECRET], NOW)
    assert refusal(request((CLASSIC, signed()), (NEXT_GEN, bad)))
    assert refusal(request((CLASSIC, bad), (NEXT_GEN, signed())))


def test_an_empty_body_is_refused_though_it_is_rightly_signed() -> None:
    assert "empty" in refusal(request((CLASSIC, signed(b"")), body=b""))


@pytest.mark.parametrize("secrets", [[], [""], ["  "]])
def test_without_a_secret_nothing_is_accepted(secrets: list[str]) -> None:
    empty_key = request((CLASSIC, signed(secret="")))
    with pytest.raises(Unverified):
        PROVIDER.verify(empty_key, secrets, NOW)


def test_a_rejection_shows_neither_secret_nor_signature() -> None:
    text = refusal(request((CLASSIC, signed(secret="other"))))
    assert SECRET not in text
    assert signed() not in text
    assert signed(secret="other") not in text


header_text = st.text(st.characters(), max_size=60)
headers = st.lists(st.tuples(st.sampled_from([CLASSIC, NEXT_GEN, "X-Shopify-Topic", "x"]), header_text), max_size=4)


@pytest.mark.thorough
@given(headers, st.binary(max_size=200))
@settings(max_examples=300, deadline=None)
def test_any_input_raises_only_unverified(headers: list[tuple[str, str]], body: bytes) -> None:
    with pytest.raises(Unverified):
        PROVIDER.verify(request(*headers, body=body), [SECRET], NOW)


json_value = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
topics = st.sampled_from(
    [
        "orders/create",
        "orders/paid",
        "orders/cancelled",
        "orders/edited",
        "refunds/create",
        "fulfillments/update",
        "fulfillment_events/create",
        "disputes/update",
        "order_transactions/create",
        "checkouts/create",
        "inventory_levels/update",
        "customer.tags_added",
        "customers/create",
        "variants/out_of_stock",
        "company_contact_roles/assign",
        "app/uninstalled",
        "bulk_operations/finish",
        "payment_schedules/due",
        "Product",
    ]
)
FIELDS = """
    display_name order_number
    id name title order_id customer first_name total_price currency amount transactions kind status tags test reason
    updated_at created_at available cancel_reason order_edit admin_graphql_api_id fields_changed topic action data
    query_variables myshopify_domain shop_domain tracking_company company_contact product_id
"""
fields = st.sampled_from(FIELDS.split())


@pytest.mark.thorough
@given(st.dictionaries(fields, json_value | st.just("refund") | st.just("success")), topics | st.text(), header_text)
@settings(max_examples=300, deadline=None)
def test_any_object_under_any_topic_becomes_a_complete_event(payload: object, topic: str, header: str) -> None:
    names = ("shop-domain", "webhook-id", "event-id", "triggered-at", "name", "action", "resource-id", "test")
    asked = request(
        ("X-Shopify-Topic", topic),
        *((f"X-Shopify-{name}", header) for name in names),
        body=json.dumps(payload).encode(),
    )
    (event,) = PROVIDER.events(asked, "shopify", NOW)
    assert event.type
    line = PROVIDER.line(event)
    assert line
    assert "\n" not in line
    assert "\n" not in event.name
    assert len(event.name) <= 120
    assert event.subject
    assert event.keys
    assert event.url == "" or event.url.startswith("https://")
    assert all(key.isascii() and len(key) < 300 for key in event.keys)
    json.dumps([event.type, event.name, event.subject, event.actor], ensure_ascii=False).encode()


@given(st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
def test_any_body_is_an_event_or_malformed(body: bytes) -> None:
    try:
        (event,) = PROVIDER.events(request(("X-Shopify-Topic", "orders/create"), body=body), "shopify", NOW)
    except Malformed:
        return
    assert PROVIDER.line(event)


def vectors() -> list[dict[str, object]]:
    if not VECTORS.exists():
        return []
    return [one for one in json.loads(VECTORS.read_text()) if one["scheme"] == "shopify"]


@pytest.mark.skipif(not VECTORS.exists(), reason="the folder of shared signature vectors is not here")
@pytest.mark.parametrize("vector", vectors(), ids=lambda vector: str(vector["id"]))
def test_the_shared_vectors_are_judged_as_they_say(vector: dict[str, object]) -> None:
    headers = {name: str(value) for name, value in map_at(vector, "headers").items()}
    asked = Request(text_at(vector, "method"), text_at(vector, "url"), headers, text_at(vector, "body").encode())
    if true_at(vector, "strict_valid"):
        PROVIDER.verify(asked, [text_at(vector, "secret")], NOW)
    else:
        refusal(asked, text_at(vector, "secret"))


@pytest.mark.parametrize(
    ("secret", "expected"),
    [
        ("shpss_0123456789abcdef0123456789abcdef", ""),
        ("0123456789abcdef0123456789abcdef", ""),
        ("shpat_0123456789abcdef0123456789abcdef", "access token"),
        ("whsec_abc", "another provider"),
    ],
)
def test_a_secret_of_the_wrong_kind_is_named_without_showing_it(secret: str, expected: str) -> None:
    complaint = PROVIDER.check_secret(secret)
    assert (expected in str(complaint)) if complaint else not expected
    assert secret not in str(complaint)


def test_the_provider_states_what_the_edge_must_know() -> None:
    assert PROVIDER.name == "shopify"
    assert PROVIDER.methods == {"POST"}
    assert PROVIDER.max_body == 10 * 1024 * 1024
    assert PROVIDER.dedupe_ttl == 24 * 3600
    assert {"x-shopify-hmac-sha256", "shopify-hmac-sha256"} == PROVIDER.signature_headers
    assert not PROVIDER.signature_headers & PROVIDER.kept_headers
    assert json.loads(PROVIDER.answer("accepted", "1").body) == {"status": "accepted", "id": "1"}
