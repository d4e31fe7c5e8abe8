"""Tests that each provider's largest bodies are taken: over a real socket, stored, and shown."""

import json
from copy import deepcopy
from pathlib import Path

import pytest

from bridge.core.payload import list_at, map_at
from bridge.sources import PROVIDERS
from tests.bridges import bridge, sample_request

MEGABYTE = 1_000_000


def order_of(lines: int) -> dict[str, object]:
    """Return a fulfilled order: each line with its taxes and discount, and again in the fulfillment's copy.

    Shopify docs, Order, https://shopify.dev/docs/api/admin-rest/latest/resources/order.
    """
    order = json.loads(sample_request("shopify/orders/fulfilled").body)

    def money(amount: str) -> dict[str, object]:
        each = {"amount": amount, "currency_code": "EUR"}
        return {"shop_money": each, "presentment_money": each}

    def tax(name: str, rate: float) -> dict[str, object]:
        set_ = money("2.04")
        return {"channel_liable": False, "price": "2.04", "price_set": set_, "rate": rate, "title": name}

    first = map_at(list_at(order, "line_items")[0])
    items = [
        {
            **deepcopy(first),
            "id": 15820374659101 + number,
            "title": f"Stoneware mug no. {number}",
            "total_discount_set": money("1.20"),
            "tax_lines": [tax("State tax", 0.06), tax("City tax", 0.025)],
            "discount_allocations": [{"amount": "1.20", "amount_set": money("1.20"), "discount_application_index": 0}],
        }
        for number in range(lines)
    ]
    order["line_items"] = items
    order["fulfillments"][0]["line_items"] = deepcopy(items)
    return dict(order)


async def test_an_order_of_five_hundred_lines_is_accepted_and_shown(tmp_path: Path) -> None:
    request = sample_request("shopify/orders/fulfilled", body=order_of(500))
    assert len(request.body) == pytest.approx(1.44 * MEGABYTE, rel=0.01)
    async with bridge(tmp_path) as running:
        status, _, body = await running.send(request)
        assert (status, json.loads(body)["status"]) == (200, "accepted")
        (post,) = await running.slack.wait_for("general", 1)
    assert "#1042" in str(post.body["text"])
    assert "Template" not in json.dumps(post.body)


@pytest.mark.parametrize("name", ["gitlab/issue.open", "stripe/charge.failed", "shopify/orders/fulfilled"])
async def test_a_body_at_the_providers_limit_is_accepted_and_shown(tmp_path: Path, name: str) -> None:
    provider = PROVIDERS[name.partition("/")[0]]
    small = sample_request(name).body
    padding = {**json.loads(small), "padding": ["x" * 1_000] * ((provider.max_body - len(small)) // 1_010)}
    request = sample_request(name, body=padding)
    assert 0.9 * provider.max_body < len(request.body) <= provider.max_body
    async with bridge(tmp_path) as running:
        assert (await running.send(request))[0] == 200
        (post,) = await running.slack.wait_for("general", 1)
    assert post.body["text"]


async def test_the_largest_order_that_is_nothing_but_lines_fits_into_memory(tmp_path: Path) -> None:
    request = sample_request("shopify/orders/fulfilled", body=order_of(3_000))
    assert 8 * MEGABYTE < len(request.body) < PROVIDERS["shopify"].max_body
    async with bridge(tmp_path) as running:
        assert (await running.send(request))[0] == 200
        await running.slack.wait_for("general", 1)


async def test_twilios_largest_callback_is_accepted_and_shown(tmp_path: Path) -> None:
    [event] = json.loads(sample_request("twilio/com.twilio.messaging.message.failed").body)
    event["data"]["transcript"] = ["and so on, and on"] * 50_000  # error 17564: it sends no more than 1 MB
    request = sample_request("twilio/com.twilio.messaging.message.failed", body=[event])
    assert MEGABYTE < len(request.body) < 1.1 * MEGABYTE
    async with bridge(tmp_path) as running:
        assert (await running.send(request))[0] == 200
        (post,) = await running.slack.wait_for("general", 1)
    assert post.body["text"]
