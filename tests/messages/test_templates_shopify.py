"""Shopify's messages: what every sample and every documented payload becomes."""

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest

from bridge.events import Event
from bridge.messages.limits import problems
from bridge.messages.render import Templates, load_templates, render
from bridge.payload import map_at
from bridge.samples import Sample, sample_event, samples
from bridge.sources.shopify import PROVIDER

NOW = 1_795_392_000.0
PAYLOADS = Path(__file__).parents[2].parent / "shared" / "payloads" / "shopify"
SAMPLES = [sample for sample in samples().values() if sample.provider == "shopify"]
ADMIN = "https://example.myshopify.com/admin"


@cache
def templates() -> Templates:
    return load_templates(None, {})


def event_of(type: str, payload: object) -> Event:
    return PROVIDER.events(PROVIDER.request_for(type, payload, "secret", NOW), "shopify", NOW)[0]


def sample(type: str) -> dict[str, object]:
    body = samples()[f"shopify/{type}"].body
    assert isinstance(body, dict)
    return body


def written(type: str, payload: object) -> str:
    """All the texts of a message, in order, links and all. The message is sound in every way that can be measured."""
    rendered = render(event_of(type, payload), templates())
    assert rendered.fault == ""
    assert rendered.message is not None
    assert problems(rendered.message) == []
    body = rendered.message.body()
    text = "\n".join(_texts(body))
    assert not re.search(r"\bNone\b|\bnull\b|undefined|\{\{|\{%", text), text
    assert not re.search(r"^\s*•\s*(?:×\s*)?$", text, re.MULTILINE), text
    assert not re.search(r"\*\*|\(\)|:\s*$", text, re.MULTILINE), text
    return text


def _texts(data: object) -> list[str]:
    if isinstance(data, Mapping):
        return [text for key, value in data.items() if key not in ("type", "color") for text in _texts(value)]
    if isinstance(data, list):
        return [text for value in data for text in _texts(value)]
    return [data] if isinstance(data, str) else []


@pytest.mark.parametrize("one", SAMPLES, ids=lambda one: one.type)
def test_every_sample_reads_well_and_links_to_the_admin(one: Sample) -> None:
    text = written(one.type, one.body)
    assert sample_event(one, "shopify", NOW).url in text or "uninstalled the app" in text or "bulk" in text


def test_no_template_reads_a_field_that_no_sample_has() -> None:
    missing: dict[str, set[str]] = {}
    for one in SAMPLES:
        rendered = render(sample_event(one, "shopify", NOW), templates())
        missing.setdefault(rendered.template, set(rendered.missing)).intersection_update(rendered.missing)
    assert {template: paths for template, paths in missing.items() if paths} == {}


@pytest.mark.parametrize(
    ("type", "phrases"),
    [
        (
            "orders/create",
            [
                f"New order <{ADMIN}/orders/6120394857712|#1042> from *<{ADMIN}/customers/7291830465512|Ada Marsh>*",
                ">*: *€144.50*",
                "• 2 × Stoneware mug (Moss)\n• 1 × Serving bowl (Large)\n• 1 × Linen napkins, set of four",
                "> Please wrap the bowl as a present",
                "*Payment*\npending",
                "Open order",
            ],
        ),
        ("orders/paid", ["was *paid*: *€144.50*"]),
        ("orders/cancelled", ["was *cancelled*", "*Reason*\nthe customer asked for it", "*Payment*\nrefunded"]),
        ("orders/partially_fulfilled", ["was *partly fulfilled*", "• 2 × Stoneware mug (Moss)"]),
        ("orders/edited", [f"<{ADMIN}/orders/6120394857712|An order> was *edited*: 1 item added, 1 item removed"]),
        ("orders/risk_assessment_changed", ["is *high*"]),
        (
            "refunds/create",
            [
                f"<{ADMIN}/orders/6120394857712|€58.00 was refunded on an order>",
                "> The bowl arrived with a crack",
                "• 1 × Serving bowl (Large)",
                "Shopify Payments",
            ],
        ),
        (
            "fulfillments/create",
            [
                f"<{ADMIN}/orders/6120394857712|A shipment of order #1042 was sent (An Post)>",
                "<https://tracking.example.com/RB123456785IE|RB123456785IE>",
                "Track shipment",
            ],
        ),
        ("fulfillments/update", ["A shipment of order #1042 was delivered (An Post)"]),
        ("fulfillment_orders/placed_on_hold", ["> Sand mugs come out of the kiln on Friday", "inventory out of stock"]),
        ("products/create", [f"Product <{ADMIN}/products/9018273645512|Stoneware mug> was *created*", "24.00 · 26.00"]),
        ("Product/update", ["*Changed*\nvariants.price"]),
        ("variants/out_of_stock", ["Product variant “Sand” is out of stock", "`MUG-SAND`"]),
        ("inventory_levels/update", ["*3* available of", f"{ADMIN}/settings/locations/70192837465|a location"]),
        (
            "disputes/create",
            [
                ":rotating_light: A chargeback over *€144.50* was opened on",
                "product not received",
                "*Evidence due*\n<!date",
            ],
        ),
        ("disputes/update", [":white_check_mark: The chargeback", "was *won*"]),
        ("draft_orders/create", ["for *<", "Niall Quinn>* was *created*: *€460.80*"]),
        ("checkouts/create", ["was started: *€112.50*"]),
        ("app/uninstalled", ["*<https://shop.example.com|Blue Heron Ceramics>* uninstalled the app"]),
        ("app/scopes_update", ["*Gained*\n`read_orders`"]),
        ("app_subscriptions/approaching_capped_amount", ["€18.20 of €20.00"]),
        ("customers/data_request", ["A customer asked for the data", "within 30 days", "*Orders concerned*\n2"]),
        ("customers/redact", ["must be erased"]),
        ("shop/redact", ["The shop's data must be erased"]),
        ("returns/request", ["was *requested*", "• 1 × defective: There is a crack in the glaze"]),
        (
            "order_transactions/create",
            [":x: <", "|Payment of €144.50 through Shopify Payments failed>", "> Your card was declined."],
        ),
        ("themes/publish", ["Theme “Winter 2026” is now live"]),
        ("subscription_billing_attempts/failure", ["> The card has expired"]),
    ],
)
def test_the_message_says(type: str, phrases: list[str]) -> None:
    text = written(type, sample(type))
    for phrase in phrases:
        assert phrase in text


def test_a_long_order_is_capped_and_says_how_much_is_left_out() -> None:
    lines = [{"quantity": 1, "title": f"Thing {n}", "variant_title": None} for n in range(22)]
    text = written("orders/create", sample("orders/create") | {"line_items": lines})
    assert "• 1 × Thing 7\n… and 14 more" in text
    assert "Thing 8" not in text


def test_a_line_that_lacks_its_amount_or_its_title_is_still_a_line() -> None:
    lines = [None, {"quantity": 2}, {"title": "Jug", "quantity": None}]
    text = written("orders/create", sample("orders/create") | {"line_items": lines})
    assert "• 2 × an item without a title\n• Jug" in text


def test_an_inquiry_has_its_own_article_and_is_no_alarm() -> None:
    text = written("disputes/create", sample("disputes/create") | {"type": "inquiry"})
    assert ":warning: An inquiry over *€144.50* was opened on" in text


def test_a_lost_dispute_is_no_alarm_any_more() -> None:
    assert ":x: The chargeback" in written("disputes/update", sample("disputes/update") | {"status": "lost"})


def test_what_has_no_page_is_not_linked_to_the_admin_as_if_it_had() -> None:
    text = written("carts/create", sample("carts/create"))
    assert "A cart was created" in text.splitlines()[0]
    assert "|A cart" not in text
    assert "Open in Shopify" not in text
    assert f"<{ADMIN}|example.myshopify.com>" in text


def test_what_the_customer_paid_in_another_currency_is_said_too() -> None:
    money = {
        "shop_money": {"amount": "24.00", "currency_code": "EUR"},
        "presentment_money": {"amount": "4016", "currency_code": "JPY"},
    }
    order = sample("orders/create") | {"total_price": "24.00", "total_price_set": money, "presentment_currency": "JPY"}
    assert "*€24.00 (paid as ¥4,016)*" in written("orders/create", order)


def test_a_test_order_says_so() -> None:
    assert "*€144.50* _(test)_" in written("orders/create", sample("orders/create") | {"test": True})
    assert "(test)" not in written("orders/create", sample("orders/create"))


def test_an_order_without_a_customer_names_none() -> None:
    text = written("orders/create", sample("orders/create") | {"customer": None, "source_name": "pos"})
    assert "|#1042>: *€144.50*" in text
    assert "Point of sale" in text


def test_a_refund_without_a_currency_shows_the_number_and_no_wrong_currency() -> None:
    refund = sample("refunds/create")
    transaction = dict(map_at(refund, "transactions", 0)) | {"currency": None}
    text = written("refunds/create", refund | {"transactions": [transaction]})
    assert "|58.00 in the shop's currency was refunded on an order>" in text
    assert "€" not in text


def test_a_refund_that_failed_says_why() -> None:
    refund = sample("refunds/create")
    failed = dict(map_at(refund, "transactions", 0)) | {"status": "failure", "message": "Insufficient balance"}
    assert "*Failed*\nInsufficient balance" in written("refunds/create", refund | {"transactions": [failed]})


def test_a_shipment_without_an_address_to_track_it_shows_the_number() -> None:
    parcel = sample("fulfillments/create") | {"tracking_urls": [], "tracking_url": None}
    text = written("fulfillments/create", parcel)
    assert "`RB123456785IE`" in text
    assert "Track shipment" not in text


TIMES = ("_at", "_by", "_on")
HOSTILE = "<!channel> <@U012AB3CD> <https://evil.example.com|x> *b* _i_ `c` ~s~ & \x00 \u202e "


@pytest.mark.parametrize("one", SAMPLES, ids=lambda one: one.type)
def test_text_from_outside_neither_mentions_nor_links_nor_formats(one: Sample) -> None:
    text = written(one.type, _every_text(one.body, HOSTILE))
    assert not re.search(r"<(?!https://|!date\^)", text), text
    assert "<https://evil" not in text
    text = re.sub(r"`[^`]*`|<https://[^|>]*", "", text)  # nothing formats in a code span or an address
    assert "*b*" not in text
    assert "_i_" not in text


def _every_text(data: object, text: str) -> object:
    if isinstance(data, dict):
        return {key: value if key.endswith(TIMES) else _every_text(value, text) for key, value in data.items()}
    if isinstance(data, list):
        return [_every_text(value, text) for value in data]
    return text if isinstance(data, str) else data


@pytest.mark.parametrize("junk", [None, "", "x" * 90_000, 10**400, [], {}, True], ids=lambda junk: repr(junk)[:8])
def test_a_body_whose_fields_are_all_of_the_wrong_kind_is_still_a_message(junk: object) -> None:
    for one in SAMPLES:
        assert isinstance(one.body, dict)
        rendered = render(event_of(one.type, dict.fromkeys(one.body, junk)), templates())
        assert rendered.message is not None
        assert problems(rendered.message) == []


def test_no_message_shows_an_address_a_telephone_number_or_an_email() -> None:
    for one in SAMPLES:
        text = written(one.type, one.body)
        assert not re.search(r"Harbour Row|\+353|@example\.com|@cafe\.example|Exampleton", text), text


@pytest.mark.skipif(not PAYLOADS.exists(), reason="the folder of shared payloads is not here")
def test_every_documented_payload_reads_well() -> None:
    index = json.loads((PAYLOADS / "index.json").read_text())
    seen = 0
    for name, about in index.items():
        if topic := about.get("X-Shopify-Topic"):
            text = written(topic, json.loads((PAYLOADS / name).read_text()))
            assert not re.search(r"Elm St|Shipping Street|555-|@example\.com|@biller|@doe", text), text
            seen += 1
    assert seen > 200


@pytest.mark.skipif(not PAYLOADS.exists(), reason="the folder of shared payloads is not here")
def test_the_blanked_shapes_of_real_payloads_render_without_fault() -> None:
    for path in sorted((PAYLOADS / "shapes").glob("*.json")):
        type = PROVIDER.type_of_sample(path.stem)
        rendered = render(event_of(type, path.read_bytes()), templates())
        assert rendered.fault == ""
