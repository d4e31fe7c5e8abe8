"""Titles of orders, payments, refunds, returns, shipments and disputes."""

from collections import Counter
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation

from bridge.core.money import format_major
from bridge.core.payload import clean, int_at, list_at, map_at, text_at
from bridge.sources.shopify.phrases import Payload, Tell, counted, from_customer, money, number_of, words
from bridge.sources.shopify.words import CANCEL_REASONS, DISPUTE_STATUS, GATEWAYS, SHIPMENT


def _order(verb: str, detail: Callable[[Payload], str] = lambda _: "") -> Tell:
    def tell(payload: Payload) -> str:
        name = clean(text_at(payload, "name"), 40)
        more = detail(payload)
        return f"Order {name}{from_customer(payload)} {verb}" + (f": {more}" if more else "") if name else ""

    return tell


def _total(payload: Payload) -> str:
    return money(payload, "total_price")


def _placed(payload: Payload) -> str:
    name, total = clean(text_at(payload, "name"), 40), _total(payload)
    return f"New order {name}{from_customer(payload)}" + (f": {total}" if total else "") if name else ""


def _cancel_reason(payload: Payload) -> str:
    return CANCEL_REASONS.get(text_at(payload, "cancel_reason"), "")


def _risk(payload: Payload) -> str:
    level = words(payload, "risk_level")
    return f"The fraud risk of an order is {level}" if level else ""


def _refund(payload: Payload) -> str:
    if refunded := _refunded(payload, "success"):
        return f"{refunded} was refunded on an order"
    if failed := _refunded(payload, "failure") or _refunded(payload, "error"):
        return f"A refund of {failed} on an order failed"
    return "A refund was made on an order"


def _refunded(payload: Payload, status: str) -> str:
    """Return the sum of a refund's transactions with this result; "" unless they share one currency."""
    done = [
        one
        for one in list_at(payload, "transactions")[:100]
        if text_at(one, "kind") == "refund" and text_at(one, "status") == status
    ]
    currencies = {text_at(one, "currency") for one in done}
    try:
        total = sum(Decimal(text_at(one, "amount")[:30]) for one in done)
    except InvalidOperation:
        return ""
    if len(currencies) != 1 or not total:
        return ""
    currency = currencies.pop() or _only_currency(payload)
    return format_major(total, currency) + ("" if currency else " in the shop's currency")


def _only_currency(payload: Payload) -> str:
    """Return a refund's currency if its transactions have none: shop and customer currency, if they agree."""
    line = map_at(payload, "refund_line_items", 0, "subtotal_set")
    shop, paid = text_at(line, "shop_money", "currency_code"), text_at(line, "presentment_money", "currency_code")
    return shop if shop == paid else ""


def _return(verb: str) -> Tell:
    def tell(payload: Payload) -> str:
        name = clean(text_at(payload, "name"), 40)
        return f"Return {name} {verb}" if name else f"A return {verb}"

    return tell


def _shipment(success: str, unknown: str) -> Tell:
    def tell(payload: Payload) -> str:
        name = clean(text_at(payload, "name"), 40)
        order = name.rpartition(".")[0] or name
        carrier = clean(text_at(payload, "tracking_company"), 60)
        status = text_at(payload, "status")
        state = text_at(payload, "shipment_status") or (success if status == "success" else status)
        return (
            "A shipment"
            + (f" of order {order}" if order else "")
            + f" {SHIPMENT.get(state, unknown)}"
            + (f" ({carrier})" if carrier else "")
        )

    return tell


def _shipment_event(payload: Payload) -> str:
    state = SHIPMENT.get(text_at(payload, "status"))
    return f"A shipment {state}" if state else ""


_DISPOSED: Mapping[str, str] = {
    "missing": "missing",
    "not_restocked": "not put back in stock",
    "processing_required": "to be looked at",
    "restocked": "back in stock",
}


def _disposed(payload: Payload) -> str:
    ends: Counter[str] = Counter()
    for one in list_at(payload, "dispositions")[:100]:
        ends[_DISPOSED.get(text_at(one, "type").lower(), "dealt with")] += int_at(one, "quantity") or 0
    said = ", ".join(f"{number:,} {end}" for end, number in ends.items() if number)
    return f"Returned items: {said}" if said else ""


def _dispute(payload: Payload) -> str:
    amount = money(payload, "amount")
    kind = words(payload, "type") or "dispute"
    reason = words(payload, "reason")
    article = "An" if kind[0] in "aeiou" else "A"
    return f"{article} {kind}" + (f" over {amount}" if amount else "") + (f" ({reason})" if reason else "")


def _dispute_opened(payload: Payload) -> str:
    return f"{_dispute(payload)} was opened on an order"


def _dispute_updated(payload: Payload) -> str:
    status = text_at(payload, "status")
    return f"{_dispute(payload)} " + (
        DISPUTE_STATUS.get(status) or f"is {words(payload, 'status')}" if status else "was updated"
    )


_KINDS: Mapping[str, str] = {
    "authorization": "An authorization",
    "capture": "A capture",
    "change": "Change",
    "refund": "A refund",
    "void": "A void",
}
_ENDED: Mapping[str, str] = {"success": "succeeded", "failure": "failed", "error": "failed", "pending": "is pending"}


def _payment(payload: Payload) -> str:
    kind = _KINDS.get(text_at(payload, "kind").lower(), "A payment")
    amount = money(payload, "amount")
    gateway = clean(text_at(payload, "gateway"), 60)
    return (
        kind
        + (f" of {amount}" if amount else "")
        + (f" through {GATEWAYS.get(gateway) or gateway.replace('_', ' ')}" if gateway else "")
        + f" {_ENDED.get(text_at(payload, 'status'), 'was made')}"
    )


def _tender(payload: Payload) -> str:
    amount = money(payload, "amount")
    if not amount:
        return ""
    by = words(payload, "payment_method")
    kind = "refund" if amount.startswith("-") else "payment"
    return (
        f"A {kind} of {amount.removeprefix('-')}"
        + (f" by {by}" if by not in ("", "other", "unknown") else "")
        + " was booked on an order"
    )


def _checkout(verb: str) -> Tell:
    def tell(payload: Payload) -> str:
        total = _total(payload)
        return f"A checkout{from_customer(payload)} was {verb}" + (f": {total}" if total else "")

    return tell


def _cart(verb: str) -> Tell:
    def tell(payload: Payload) -> str:
        kinds = number_of(payload, "line_items")
        return f"A cart was {verb}: {counted(kinds, 'product')}" if kinds else f"A cart was {verb}"

    return tell


def _payment_due(payload: Payload) -> str:
    amount = money(payload, "balance_due") or money(payload, "amount")
    return f"A payment of {amount} on an order is due" if amount else ""


TELL: Mapping[str, Tell] = {
    "orders/create": _placed,
    "orders/paid": _order("was paid", _total),
    "orders/cancelled": _order("was cancelled", _cancel_reason),
    "orders/fulfilled": _order("was fulfilled"),
    "orders/partially_fulfilled": _order("was partly fulfilled"),
    "orders/risk_assessment_changed": _risk,
    "orders/updated": _order("was updated"),
    "refunds/create": _refund,
    "returns/request": _return("was requested"),
    "returns/approve": _return("was approved"),
    "returns/decline": _return("was declined"),
    "returns/cancel": _return("was cancelled"),
    "returns/close": _return("was closed"),
    "returns/reopen": _return("was reopened"),
    "returns/process": _return("was processed"),
    "returns/update": _return("was changed"),
    "fulfillments/create": _shipment("success", "was created"),
    "fulfillments/update": _shipment("", "was updated"),  # it was sent before
    "fulfillment_events/create": _shipment_event,
    "reverse_fulfillment_orders/dispose": _disposed,
    "disputes/create": _dispute_opened,
    "disputes/update": _dispute_updated,
    "order_transactions/create": _payment,
    "tender_transactions/create": _tender,
    "checkouts/create": _checkout("started"),
    "checkouts/update": _checkout("updated"),
    "carts/create": _cart("started"),
    "carts/update": _cart("changed"),
    "payment_schedules/due": _payment_due,
}
