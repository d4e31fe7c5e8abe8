"""Tests of Shopify's messages about orders: buyer, items, amount, and the next step."""

import pytest

from bridge.core.payload import map_at
from tests.messages.shopify_messages import ADMIN, CUSTOMER, ORDER, sample, title, written

ADA = f"*<{CUSTOMER}|Ada Marsh>*"


@pytest.mark.parametrize(
    ("event_type", "phrases"),
    [
        (
            "orders/create",
            [
                f"New order <{ORDER}|#1042> from {ADA}: *€144.50*",
                "• 2 × Stoneware mug (Moss)\n• 1 × Serving bowl (Large)\n• 1 × Linen napkins, set of four",
                "> Please wrap the bowl as a present",
                "*Payment*\nnot paid yet",
                "Open order",
            ],
        ),
        ("orders/paid", [f":white_check_mark: Order <{ORDER}|#1042> from {ADA} was *paid*: *€144.50*"]),
        (
            "orders/cancelled",
            [
                f":warning: Order <{ORDER}|#1042> from {ADA} over *€144.50* was *cancelled*: the customer asked for it",
                "*Payment*\nrefunded",
            ],
        ),
        (
            "orders/fulfilled",
            ["was *fulfilled*", "*Tracking*\n<https://tracking.example.com/RB123456785IE|RB123456785IE>"],
        ),
        (
            "orders/partially_fulfilled",
            [
                "was *partly fulfilled*",
                "• 2 × Stoneware mug (Moss)",
                "*Still to send*\n1 × Serving bowl (Large)\n1 × Linen napkins, set of four",
            ],
        ),
        ("orders/updated", ["was updated: *€144.50*", "*Payment*\npaid", "*Shipping*\nnothing was sent yet"]),
        ("orders/link_requested", [f"{ADA} asked for a new link to order <{ORDER}|#1042>"]),
        ("orders/edited", [f"<{ORDER}|An order> was *edited*: 1 item added, 1 item removed", "*Customer told*\nyes"]),
        ("orders/delete", [f"<{ADMIN}/orders|An order> was deleted", "id 6120394857712"]),
        (
            "orders/risk_assessment_changed",
            [f":rotating_light: The fraud risk of <{ORDER}|an order> is *high*", "Do not ship before", "Review order"],
        ),
        ("orders/shopify_protect_eligibility_changed", [f"<{ORDER}|An order> is *covered* by Shopify Protect"]),
        (
            "refunds/create",
            [
                f"€58.00 was refunded on <{ORDER}|an order>",
                "• 1 × Serving bowl (Large)\n> The bowl arrived with a crack",
                "*Through*\nShopify Payments",
                "*Back in stock*\nno",
            ],
        ),
        (
            "order_transactions/create",
            [
                f":x: A payment of *€144.50* on <{ORDER}|an order> through Shopify Payments *failed*",
                "> Your card was declined.",
            ],
        ),
        ("tender_transactions/create", [f"A payment of €144.50 by credit card was booked on <{ORDER}|an order>"]),
        (
            "returns/request",
            [
                f":warning: Return <{ORDER}|#1042-R1> was *requested*",
                "• 1 item, defective: There is a crack in the glaze",
                "*To do*\napprove or decline it",
                "Review return",
            ],
        ),
        ("returns/decline", [f"A return of <{ORDER}|an order> was *declined*", "*Reason*\nreturn period ended"]),
        ("returns/update", [f"<{ADMIN}/orders|A return> was changed: 2 items were taken out"]),
        ("reverse_fulfillment_orders/dispose", ["Returned items: 1 back in stock"]),
        (
            "disputes/create",
            [
                f":rotating_light: A chargeback over *€144.50* was opened on <{ORDER}|an order>",
                "*Reason*\nproduct not received",
                "*Answer before*\n<!date",
            ],
        ),
        (
            "disputes/update",
            [":white_check_mark: The chargeback over *€144.50*", "was *won*", "*Evidence sent*\n<!date"],
        ),
        (
            "draft_orders/create",
            [
                f"Draft order <{ADMIN}/draft_orders/1120394857|#D31> for *<",
                "Niall Quinn>* was *created*: *€460.80*",
                "• 24 × Stoneware mug (Moss)",
            ],
        ),
        ("draft_orders/update", ["was *sent as an invoice*: *€460.80*", "*Invoice sent*\n<!date"]),
        (
            "checkouts/create",
            [f"{ADA} *started* <{ADMIN}/checkouts|a checkout>: *€112.50*", "• 1 × Serving bowl (Large)"],
        ),
        ("carts/create", ["A cart was *started*: *€48.00*", "• 2 × Stoneware mug"]),
        (
            "fulfillments/create",
            [
                f"A shipment of order <{ORDER}|#1042> to *Ada Marsh* was *sent* (An Post)",
                "*Tracking*\n<https://tracking.example.com/RB123456785IE|RB123456785IE>",
                "Track shipment",
            ],
        ),
        ("fulfillments/update", [":white_check_mark: A shipment of order", "was *delivered* (An Post)"]),
        (
            "fulfillment_events/create",
            [f"A shipment of <{ORDER}|an order> is *out for delivery*", "*Expected*\n<!date"],
        ),
        ("fulfillment_events/delete", [f"“out for delivery” was *taken back* from a shipment of <{ORDER}|an order>"]),
        (
            "fulfillment_orders/placed_on_hold",
            [
                f":warning: <{ADMIN}/orders|The fulfillment of an order> was *put on hold*: items are out of stock",
                "> Sand mugs come out of the kiln on Friday",
            ],
        ),
        (
            "fulfillment_orders/moved",
            [f"*From*\n<{ADMIN}/settings/locations/70192837465|", f"*To*\n<{ADMIN}/settings/locations/70192837466|"],
        ),
        ("fulfillment_orders/rescheduled", ["*Planned for*\n<!date^1796371200"]),
        ("fulfillment_orders/fulfillment_request_rejected", [":x: ", "> No stock left in this warehouse"]),
        ("payment_terms/create", ["has the payment terms *Net 30*", "*Due*\n€460.80 on <!date"]),
        ("payment_schedules/due", [f":warning: <{ADMIN}/orders|An order> is *due to be paid*: *€460.80*"]),
    ],
)
def test_the_message_states(event_type: str, phrases: list[str]) -> None:
    text = written(event_type, sample(event_type))
    for phrase in phrases:
        assert phrase in text


def test_a_long_order_is_capped_and_states_how_much_is_left_out() -> None:
    lines = [{"quantity": 1, "title": f"Thing {n}", "variant_title": None} for n in range(22)]
    text = written("orders/create", sample("orders/create") | {"line_items": lines})
    assert "• 1 × Thing 7\n… and 14 more" in text
    assert "Thing 8" not in text


def test_a_line_that_lacks_its_amount_or_its_title_is_still_a_line() -> None:
    lines = [None, {"quantity": 2}, {"title": "Jug", "quantity": None}]
    text = written("orders/create", sample("orders/create") | {"line_items": lines})
    assert "• 2 × an item without a title\n• Jug" in text


def test_a_product_of_one_form_shows_no_default_title() -> None:
    lines = [{"quantity": 1, "title": "Jug", "variant_title": "Default Title"}]
    assert "• 1 × Jug\n" in written("orders/create", sample("orders/create") | {"line_items": lines})


def test_a_discount_names_its_code() -> None:
    order = sample("orders/create") | {
        "current_total_discounts": "14.00",
        "discount_codes": [{"code": "WINTER10"}, None],
    }
    assert "*Discount*\n€14.00 (WINTER10)" in written("orders/create", order)


def test_the_amount_in_the_customers_currency_is_shown_too() -> None:
    money = {
        "shop_money": {"amount": "24.00", "currency_code": "EUR"},
        "presentment_money": {"amount": "4016", "currency_code": "JPY"},
    }
    order = sample("orders/create") | {"current_total_price": "24.00", "current_total_price_set": money}
    assert "*€24.00 (paid as ¥4,016)*" in written("orders/create", order)


def test_a_test_order_is_marked_and_has_no_colour() -> None:
    assert "*€144.50* _(test)_" in written("orders/create", sample("orders/create") | {"test": True})
    assert "(test)" not in written("orders/create", sample("orders/create"))
    assert ":white_check_mark:" not in written("orders/paid", sample("orders/paid") | {"test": True})


def test_an_order_without_a_customer_names_none_and_states_that_it_came_from_the_till() -> None:
    till = {"customer": None, "billing_address": None, "source_name": "pos"}
    text = written("orders/create", sample("orders/create") | till)
    assert "|#1042>: *€144.50*" in text
    assert "*Came from*\nPoint of sale" in text


def test_an_order_of_a_guest_has_the_name_on_its_bill() -> None:
    assert "|#1042> from *Ada Marsh*: *€144.50*" in written(
        "orders/create", sample("orders/create") | {"customer": None}
    )


def test_an_order_cancelled_after_it_was_paid_states_that_the_money_is_still_there() -> None:
    text = written("orders/cancelled", sample("orders/cancelled") | {"financial_status": "paid"})
    assert "*Payment*\npaid, and not refunded yet" in text


def test_an_order_cancelled_after_it_was_sent_states_it() -> None:
    order = sample("orders/cancelled") | {"fulfillment_status": "partial", "cancel_reason": "other"}
    text = written("orders/cancelled", order)
    assert "*Shipping*\npart of it was sent" in text
    assert "was *cancelled*\n" in text


def test_of_a_line_that_was_sent_in_part_both_parts_are_counted() -> None:
    line = {
        "title": "Jug",
        "quantity": 5,
        "current_quantity": 4,
        "fulfillable_quantity": 1,
        "fulfillment_status": "partial",
    }
    text = written("orders/partially_fulfilled", sample("orders/partially_fulfilled") | {"line_items": [line]})
    assert "• 3 × Jug" in text
    assert "*Still to send*\n1 × Jug" in text


def test_the_amount_left_to_pay_is_shown() -> None:
    order = sample("orders/updated") | {"financial_status": "partially_paid", "total_outstanding": "44.50"}
    text = written("orders/updated", order)
    assert "*Payment*\npartly paid" in text
    assert "*Still to pay*\n€44.50" in text


def test_an_updated_order_states_what_refunds_and_edits_made_of_its_total() -> None:
    order = sample("orders/updated") | {"current_total_price": "86.50"}
    text = written("orders/updated", order)
    assert "was updated: *€86.50*" in text
    assert "€144.50" not in text


def test_an_id_beyond_a_double_stays_whole_in_the_link() -> None:
    order = sample("orders/create") | {"id": 9_007_199_254_740_993, "admin_graphql_api_id": None}
    assert f"<{ADMIN}/orders/9007199254740993|#1042>" in written("orders/create", order)


def test_an_inquiry_has_its_own_article_and_is_no_alarm() -> None:
    text = written("disputes/create", sample("disputes/create") | {"type": "inquiry"})
    assert ":warning: An inquiry over *€144.50* was opened on" in text


def test_a_lost_dispute_is_no_alarm_any_more_and_asks_for_no_answer() -> None:
    text = written("disputes/update", sample("disputes/update") | {"status": "lost"})
    assert ":x: The chargeback" in text
    assert "Answer before" not in text


def refund(**changes: object) -> dict[str, object]:
    body = sample("refunds/create")
    return body | {"transactions": [dict(map_at(body, "transactions", 0)) | changes]}


def test_a_refund_without_a_currency_takes_the_one_in_which_shop_and_customer_agree() -> None:
    assert title("refunds/create", refund(currency=None)) == "€58.00 was refunded on an order"


def test_a_refund_without_any_currency_shows_the_number_and_no_wrong_currency() -> None:
    text = written("refunds/create", refund(currency=None) | {"refund_line_items": []})
    assert f"58.00 in the shop's currency was refunded on <{ORDER}|an order>" in text
    assert "€" not in text


def test_a_refund_that_failed_states_it_and_why() -> None:
    text = written("refunds/create", refund(status="failure", message="Insufficient balance"))
    assert f":x: A refund of €58.00 on <{ORDER}|an order> *failed*" in text
    assert "*Failed*\nInsufficient balance" in text


def test_a_refund_of_shipping_and_of_restocked_items_states_both() -> None:
    line = dict(map_at(sample("refunds/create"), "refund_line_items", 0)) | {"restock_type": "return"}
    text = written("refunds/create", refund() | {"refund_shipping_lines": [{"id": 1}], "refund_line_items": [line]})
    assert "• 1 × Serving bowl (Large)\n• the shipping" in text
    assert "*Back in stock*\nyes" in text


@pytest.mark.parametrize(
    ("code", "expected"),
    [("SIZE_TOO_SMALL", "• 1 item, too small:"), ("scratched_box", "• 1 item, scratched box:"), ("other", "• 1 item:")],
)
def test_the_reason_for_a_return_is_shown_in_words(code: str, expected: str) -> None:
    line = dict(map_at(sample("returns/request"), "return_line_items", 0)) | {"return_reason": code}
    assert expected in written("returns/request", sample("returns/request") | {"return_line_items": [line]})


def test_money_that_goes_back_is_no_payment() -> None:
    tender = sample("tender_transactions/create") | {"amount": "-58.00"}
    text = written("tender_transactions/create", tender)
    assert f"A refund of €58.00 by credit card was booked on <{ORDER}|an order>" in text
    assert "-€58.00" not in text


def test_an_authorization_states_until_when_to_capture_it() -> None:
    held = {"kind": "authorization", "status": "success", "authorization_expires_at": "2026-11-30T10:15:04+01:00"}
    text = written("order_transactions/create", sample("order_transactions/create") | held)
    assert "An authorization of *€144.50* on" in text
    assert "*Capture it before*\n<!date" in text


def test_a_shipment_without_an_address_to_track_it_shows_the_number() -> None:
    parcel = sample("fulfillments/create") | {"tracking_urls": [], "tracking_url": None}
    text = written("fulfillments/create", parcel)
    assert "`RB123456785IE`" in text
    assert "Track shipment" not in text


def test_a_shipment_that_was_sent_long_ago_is_not_sent_again_by_an_update() -> None:
    parcel = sample("fulfillments/update") | {"shipment_status": None, "status": "success", "name": "SO.1042.1"}
    text = written("fulfillments/update", parcel)
    assert f"A shipment of order <{ORDER}|SO.1042> to *Ada Marsh* was updated (An Post)" in text


@pytest.mark.parametrize("on_its_way", [None, "label_printed", "in_transit"])
@pytest.mark.parametrize(
    ("status", "said"), [("cancelled", ":warning: {} was *cancelled*"), ("error", ":x: {} *failed*")]
)
def test_a_shipment_that_was_called_off_is_not_on_its_way(status: str, said: str, on_its_way: object) -> None:
    """Shopify docs, Fulfillment, https://shopify.dev/docs/api/admin-rest/latest/resources/fulfillment : both fields."""
    parcel = sample("fulfillments/update") | {"shipment_status": on_its_way, "status": status}
    text = written("fulfillments/update", parcel)
    assert said.format(f"A shipment of order <{ORDER}|#1042> to *Ada Marsh*") in text


def test_a_confirmed_shipment_is_not_with_the_carrier_yet() -> None:
    """Shopify docs, FulfillmentEvent, https://shopify.dev/docs/api/admin-rest/latest/resources/fulfillmentevent ."""
    text = written("fulfillments/update", sample("fulfillments/update") | {"shipment_status": "confirmed"})
    assert "was *announced to the carrier*" in text


def test_several_holds_are_listed_one_by_one() -> None:
    holds = [{"reason": "incorrect_address", "reason_notes": "No such street"}, {"reason": "other"}, None]
    order = {"id": "gid://shopify/FulfillmentOrder/1", "fulfillment_holds": holds}
    text = written("fulfillment_orders/placed_on_hold", {"fulfillment_order": order})
    assert "was *put on hold*\n" in text
    assert "• the address is wrong: No such street\n• another reason" in text


def test_a_completed_draft_leads_to_its_order() -> None:
    draft = sample("draft_orders/update") | {"status": "completed", "order_id": 6120394857999}
    text = written("draft_orders/update", draft)
    assert ":white_check_mark: Draft order" in text
    assert f"<{ADMIN}/orders/6120394857999|Open order>" in text


def test_a_cart_adds_up_its_lines_and_an_emptied_one_states_it() -> None:
    line = dict(map_at(sample("carts/update"), "line_items", 0))
    cents = {"line_price_set": {"shop_money": {"amount": "0.10", "currency_code": "EUR"}}}
    cart = sample("carts/update") | {"line_items": [line | cents] * 3}
    assert title("carts/update", cart) == "A cart was changed: €0.30"
    assert title("carts/update", cart | {"line_items": []}) == "A cart was emptied"


def test_an_order_with_many_parcels_names_the_first_that_were_not_cancelled_and_counts_the_rest() -> None:
    cancelled = [{"status": "cancelled", "tracking_number": f"OLD{n}"} for n in range(3)]
    sent = [{"status": "success", "tracking_number": f"NEW{n}"} for n in range(5)]
    text = written("orders/fulfilled", sample("orders/fulfilled") | {"fulfillments": [*cancelled, *sent]})
    assert [number for number in ("OLD0", "NEW0", "NEW2", "NEW3") if number in text] == ["NEW0", "NEW2"]
    assert "*Tracking*\n… and 2 more" in text


def test_of_many_sent_lines_none_is_dropped_without_a_word() -> None:
    whole = {"quantity": 1, "current_quantity": 1, "fulfillable_quantity": 1, "fulfillment_status": None}
    gone = whole | {"fulfillable_quantity": 0, "fulfillment_status": "fulfilled"}
    waiting = [whole | {"title": f"Waiting {n}"} for n in range(25)]
    sent = [gone | {"title": f"Sent {n}"} for n in range(25)]
    payload = sample("orders/partially_fulfilled") | {"line_items": [*waiting, *sent]}
    text = written("orders/partially_fulfilled", payload)
    assert "Sent 0" in text
    assert "Sent 20" not in text
    assert "… and 5 more" in text
    assert "… and 17 more" in text  # still to send


def test_a_shipment_of_many_parcels_counts_those_that_it_does_not_name() -> None:
    numbers = [f"PARCEL{n}" for n in range(7)]
    payload = sample("fulfillments/create") | {"tracking_numbers": numbers, "tracking_urls": []}
    text = written("fulfillments/create", payload)
    assert "PARCEL4" in text
    assert "PARCEL5" not in text
    assert "*Tracking*\n… and 2 more" in text


@pytest.mark.parametrize("prices", [5, 8])
def test_a_product_of_many_prices_counts_those_that_it_does_not_name(prices: int) -> None:
    variants = [{"id": n, "price": f"{n}.00", "title": f"No. {n}"} for n in range(1, prices + 1)]
    text = written("products/create", sample("products/create") | {"variants": variants})
    assert "5.00" in text
    assert ("… and 3 more" in text) is (prices == 8)


def test_of_many_holds_the_rest_is_counted() -> None:
    holds = [{"reason": "other"}] * 7
    order = {"id": "gid://shopify/FulfillmentOrder/1", "fulfillment_holds": holds}
    assert "… and 2 more" in written("fulfillment_orders/placed_on_hold", {"fulfillment_order": order})
