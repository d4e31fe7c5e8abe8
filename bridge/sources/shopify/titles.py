"""One plain sentence for every topic: what happened to which thing."""

from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation

from bridge.money import format_major
from bridge.payload import at, clean, int_at, list_at, map_at, text_at, true_at
from bridge.sources.shopify.subjects import action_of, group_of, person
from bridge.sources.shopify.words import CANCEL_REASONS, GATEWAYS, NOUNS, SENTENCES, SHIPMENT, VERBS

_Payload = Mapping[str, object]


def title_of(type: str, payload: _Payload) -> str:
    """The event in one line of at most 300 characters, without markup."""
    if payload.keys() == {"xml"}:
        return clean(f"{_plain(type, {})} (details not shown: the webhook's format is XML)", 300)
    tell = _TELL.get(type)
    return clean((tell(payload) if tell else "") or SENTENCES.get(type) or _plain(type, payload), 300)


def _plain(type: str, payload: _Payload) -> str:
    """The sentence for whatever has none of its own: the thing, its name and what became of it."""
    group, action = group_of(type), action_of(type)
    if type == "unknown" or not group:
        return "Shopify sent a webhook without a topic"
    noun = NOUNS.get(group) or _singular(group)
    name = _name(group, payload)
    thing = f"{noun} {name}" if name else _with_article(noun)
    verb = VERBS.get(action) or ("had an event" if not action else f"had an event: {_words(action)}")
    sentence = f"{thing} {verb}"
    return sentence[:1].upper() + sentence[1:]


def _singular(group: str) -> str:
    words = _words(group)
    if words.endswith("ies"):
        return words[:-3] + "y"
    if words.endswith("sses"):
        return words[:-2]
    return words[:-1] if words.endswith("s") and not words.endswith(("ss", "us")) else words


def _words(text: str) -> str:
    """`fulfillment_orders` and Next-Gen's `DraftOrder` as lower-case words."""
    spaced = "".join(f" {c.lower()}" if c.isupper() else c for c in text)
    return " ".join(spaced.replace("_", " ").replace("/", " ").split())


def _with_article(noun: str) -> str:
    return f"{'an' if noun[:1] in 'aeio' and not noun.startswith('one') else 'a'} {noun}"


def _name(group: str, payload: _Payload) -> str:
    """What the thing is called: an order's `#1042` as it is, a customer by name, anything else in quotes."""
    data: object = payload
    for wrapper in (_singular(group).replace(" ", "_"), "company_contact"):
        if wrapper != "customer" and map_at(payload, wrapper):
            data = at(payload, wrapper)
    if group[:1].isupper():
        data = at(payload, "data", group[:1].lower() + group[1:])
    name = text_at(data, "name")
    if name.startswith("#"):
        return clean(name, 40)
    for field in ("title", "name", "display_name", "displayName", "payment_terms_name", "host", "locale", "sku"):
        if named := clean(text_at(data, field), 120):
            return f"“{named}”"
    return person(data)


def _money(data: object, amount: str) -> str:
    """An amount with its currency; the bare number where the currency is not said; "" without an amount."""
    return format_major(at(data, amount), at(data, "currency"))


def _words_of(data: object, *path: str) -> str:
    """A status or reason as words: `partially_refunded` -> `partially refunded`."""
    return clean(text_at(data, *path).replace("_", " ").lower(), 80)


def _by(payload: _Payload) -> str:
    name = person(at(payload, "customer"))
    return f" from {name}" if name else ""


def _order(verb: str, detail: Callable[[_Payload], str]) -> Callable[[_Payload], str]:
    def tell(payload: _Payload) -> str:
        name = clean(text_at(payload, "name"), 40)
        more = detail(payload)
        return f"Order {name}{_by(payload)} {verb}" + (f": {more}" if more else "") if name else ""

    return tell


def _total(payload: _Payload) -> str:
    return _money(payload, "total_price")


def _order_placed(payload: _Payload) -> str:
    name, total = clean(text_at(payload, "name"), 40), _total(payload)
    return f"New order {name}{_by(payload)}" + (f": {total}" if total else "") if name else ""


def _cancel_reason(payload: _Payload) -> str:
    return CANCEL_REASONS.get(text_at(payload, "cancel_reason"), "")


def _risk(payload: _Payload) -> str:
    level = _words_of(payload, "risk_level")
    return f"The fraud risk of an order is {level}" if level else ""


def _refund(payload: _Payload) -> str:
    money = _refunded(payload)
    return f"{money} was refunded on an order" if money else "A refund was made on an order"


def _refunded(payload: _Payload) -> str:
    """The sum of a refund's transactions that went well; "" where they do not add up to one sum of one currency."""
    done = [
        one
        for one in list_at(payload, "transactions")[:100]
        if text_at(one, "kind") == "refund" and text_at(one, "status") == "success"
    ]
    currencies = {text_at(one, "currency") for one in done}
    try:
        total = sum(Decimal(text_at(one, "amount")[:30]) for one in done)
    except InvalidOperation:
        return ""
    if len(currencies) != 1 or not total:
        return ""
    currency = currencies.pop()
    return format_major(total, currency) + ("" if currency else " in the shop's currency")


def _shipment(payload: _Payload) -> str:
    order = clean(text_at(payload, "name"), 40).rpartition(".")[0]
    carrier = clean(text_at(payload, "tracking_company"), 60)
    state = text_at(payload, "shipment_status") or text_at(payload, "status")
    return (
        "A shipment"
        + (f" of order {order}" if order else "")
        + f" {SHIPMENT.get(state, 'was updated')}"
        + (f" ({carrier})" if carrier else "")
    )


def _shipment_event(payload: _Payload) -> str:
    state = SHIPMENT.get(text_at(payload, "status"))
    return f"A shipment {state}" if state else ""


def _dispute(payload: _Payload) -> str:
    amount = _money(payload, "amount")
    kind = _words_of(payload, "type") or "dispute"
    reason = _words_of(payload, "reason")
    return _with_article(kind).capitalize() + (f" over {amount}" if amount else "") + (f" ({reason})" if reason else "")


def _dispute_opened(payload: _Payload) -> str:
    return f"{_dispute(payload)} was opened on an order"


def _dispute_updated(payload: _Payload) -> str:
    status = _words_of(payload, "status")
    return f"{_dispute(payload)} " + (f"is now {status}" if status else "was updated")


def _payment(payload: _Payload) -> str:
    kind = {"sale": "payment"}.get(said := _words_of(payload, "kind"), said) or "payment"
    status = {"success": "succeeded", "failure": "failed", "error": "failed", "pending": "is pending"}
    amount = _money(payload, "amount")
    gateway = clean(text_at(payload, "gateway"), 60)
    said = status.get(text_at(payload, "status"), "was made")
    return (
        f"{kind.capitalize()}"
        + (f" of {amount}" if amount else "")
        + (f" through {GATEWAYS.get(gateway) or gateway.replace('_', ' ')}" if gateway else "")
        + f" {said}"
    )


def _tender(payload: _Payload) -> str:
    amount = _money(payload, "amount")
    return f"A payment of {amount} was booked on an order" if amount else ""


def _checkout(verb: str) -> Callable[[_Payload], str]:
    def tell(payload: _Payload) -> str:
        total = _total(payload)
        return f"A checkout{_by(payload)} was {verb}" + (f": {total}" if total else "")

    return tell


def _stock(payload: _Payload) -> str:
    available = int_at(payload, "available")
    return "" if available is None else f"An inventory item has {available} available at a location"


def _tags(verb: str) -> Callable[[_Payload], str]:
    def tell(payload: _Payload) -> str:
        tags = ", ".join(tag for tag in list_at(payload, "tags")[:10] if isinstance(tag, str))
        return f"A customer {verb} {clean(tags, 200)}" if tags else ""

    return tell


def _uninstalled(payload: _Payload) -> str:
    shop = clean(text_at(payload, "name"), 120)
    return f"{shop or 'A shop'} uninstalled the app"


def _customers_merged(payload: _Payload) -> str:
    return (
        "Two customers could not be merged" if text_at(payload, "status") == "failed" else "Two customers were merged"
    )


def _bulk(payload: _Payload) -> str:
    kind = _words_of(payload, "type") or "operation"
    status, error = _words_of(payload, "status") or "finished", _words_of(payload, "error_code")
    return f"A bulk {kind} ended: {status}" + (f" ({error})" if error else "")


def _payment_due(payload: _Payload) -> str:
    amount = _money(payload, "amount")
    return f"A payment of {amount} is due" if amount else ""


def _theme_published(payload: _Payload) -> str:
    name = clean(text_at(payload, "name"), 120)
    return f"Theme “{name}” is now live" if name and not true_at(payload, "processing") else ""


_TELL: Mapping[str, Callable[[_Payload], str]] = {
    "orders/create": _order_placed,
    "orders/paid": _order("was paid", _total),
    "orders/cancelled": _order("was cancelled", _cancel_reason),
    "orders/fulfilled": _order("was fulfilled", lambda _: ""),
    "orders/partially_fulfilled": _order("was partly fulfilled", lambda _: ""),
    "orders/risk_assessment_changed": _risk,
    "orders/updated": _order("was updated", lambda _: ""),
    "refunds/create": _refund,
    "fulfillments/create": _shipment,
    "fulfillments/update": _shipment,
    "fulfillment_events/create": _shipment_event,
    "disputes/create": _dispute_opened,
    "disputes/update": _dispute_updated,
    "order_transactions/create": _payment,
    "tender_transactions/create": _tender,
    "checkouts/create": _checkout("started"),
    "checkouts/update": _checkout("updated"),
    "inventory_levels/update": _stock,
    "customer.tags_added": _tags("was tagged"),
    "customer.tags_removed": _tags("is no longer tagged"),
    "customers/merge": _customers_merged,
    "app/uninstalled": _uninstalled,
    "bulk_operations/finish": _bulk,
    "payment_schedules/due": _payment_due,
    "themes/publish": _theme_published,
}
