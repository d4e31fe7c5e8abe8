"""Parts of sentences: amounts, dates, reasons in words. Each is "" if the event has none."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from bridge.core.money import format_minor
from bridge.core.payload import at, clean, int_at, list_at, map_at, text_at
from bridge.sources.stripe.people import person_of

LAST_SECOND = 253_402_300_799
"""The end of the year 9999, Python's last date."""


@dataclass(frozen=True, slots=True)
class Told:
    """The data of an event for its sentence.

    ``resource`` is `data.object`, empty for a thin event; ``previous`` holds the former values of updated fields.
    """

    type: str
    resource: Mapping[str, object]
    previous: Mapping[str, object]
    payload: Mapping[str, object]


def words(code: str) -> str:
    """Return a code as words: `requested_by_customer` -> `requested by customer`."""
    return clean(code, 120).replace("_", " ")


_STATUSES = {"trialing": "on trial", "warning_needs_response": "an inquiry needs a response"}


def _status_words(status: str) -> str:
    return _STATUSES.get(status) or words(status.removeprefix("warning_"))


def failure_of(resource: Mapping[str, object]) -> str:
    """Return why it failed: the bank's or Radar's code in words, else Stripe's own sentence, else any code."""
    error: Mapping[str, object] = {}
    for field in ("last_payment_error", "last_setup_error", "last_finalization_error", "last_error", "action"):
        error = error or map_at(resource, field)
    code = (
        text_at(error, "decline_code") or text_at(resource, "outcome", "reason") or text_at(resource, "failure_reason")
    )
    message = (
        text_at(error, "message")
        or text_at(error, "reason")
        or text_at(error, "failure_message")
        or text_at(resource, "failure_message")
    )
    return (
        words(code)
        or clean(message, 160).rstrip(". ")
        or words(text_at(error, "code") or text_at(error, "failure_code") or text_at(resource, "failure_code"))
    )


def day(seconds: int | None) -> str:
    """Return a day in UTC: `Dec 1, 2026`; "" without a valid time."""
    if seconds is None or not 0 < seconds <= LAST_SECOND:
        return ""
    date = datetime.fromtimestamp(seconds, UTC)
    return f"{date:%b} {date.day}, {date.year}"


def card_of(resource: Mapping[str, object]) -> str:
    """Return a card as `Visa •••• 4242`; "" without the last four digits."""
    for holder in (
        map_at(resource, "payment_method_details", "card"),
        map_at(resource, "card"),
        map_at(resource, "sepa_debit"),
        map_at(resource, "us_bank_account"),
        resource,
    ):
        if last4 := clean(text_at(holder, "last4"), 8):
            name = clean(text_at(holder, "brand") or text_at(holder, "bank_name"), 40)
            return f"{name[:1].upper()}{name[1:]} •••• {last4}" if name else f"Account •••• {last4}"
    return ""


def plan_of(subscription: object) -> str:
    """Return a subscription's plan by the nicknames of its prices: `“Team”`, `“Team” and 1 more`; "" without names."""
    items = list_at(subscription, "items", "data")
    name = _price_name(at(items, 0)) or clean(text_at(subscription, "plan", "nickname"), 80)
    if not name:
        return ""
    return f"“{name}”" + (f" and {len(items) - 1} more" if len(items) > 1 else "")


def _price_name(item: object) -> str:
    return clean(text_at(item, "price", "nickname") or text_at(item, "plan", "nickname"), 80)


def price_of(subscription: object) -> str:
    """Return the price of a subscription with just one item: `$20.00 a month`, `5 × $20.00 a month`."""
    items = list_at(subscription, "items", "data")
    if len(items) > 1:
        return ""
    price = map_at(items, 0, "price") or map_at(items, 0, "plan") or map_at(subscription, "plan")
    each = recurring_price(price)
    quantity = int_at(items, 0, "quantity") or int_at(subscription, "quantity") or 1
    return f"{quantity:,} × {each}" if each and 1 < quantity < 10**9 else each


def recurring_price(price: Mapping[str, object]) -> str:
    """Return a price or an old-style plan: `$20.00 a month`, `$50.00 every 3 months`, `$9.00` for a one-time price."""
    amount = at(price, "unit_amount")
    for field in ("unit_amount_decimal", "amount", "amount_decimal"):
        amount = at(price, field) if amount is None else amount
    money = format_minor(amount, at(price, "currency"))
    interval = words(text_at(price, "recurring", "interval") or text_at(price, "interval"))[:20]
    count = int_at(price, "recurring", "interval_count") or int_at(price, "interval_count") or 1
    if not money or not interval:
        return money
    return f"{money} a {interval}" if count == 1 else f"{money} every {min(count, 999)} {interval}s"


def _terms(told: Told) -> str:
    plan, price = plan_of(told.resource), price_of(told.resource)
    return " ".join(said for said in (plan and f"to {plan}", price and f"for {price}") if said)


def _money(amount: str) -> Callable[[Told], str]:
    return lambda told: format_minor(at(told.resource, amount), at(told.resource, "currency"))


def _text(*path: str, limit: int = 100) -> Callable[[Told], str]:
    return lambda told: clean(text_at(told.resource, *path), limit)


def _words(*path: str) -> Callable[[Told], str]:
    return lambda told: words(text_at(told.resource, *path))


def _day(*path: str) -> Callable[[Told], str]:
    return lambda told: day(int_at(told.resource, *path))


def _available(told: Told) -> str:
    balances = list_at(told.resource, "available")
    amounts = [format_minor(at(one, "amount"), at(one, "currency")) for one in balances[:5]]
    return " and ".join(amount for amount in amounts if amount)


def _overpaid(told: Told) -> str:
    return format_minor(at(told.resource, "amount_overpaid") or None, at(told.resource, "currency"))


def _attempt(told: Told) -> str:
    count = int_at(told.resource, "attempt_count")
    return f"attempt {count}" if count is not None and 0 < count < 1000 else ""


def _account_name(told: Told) -> str:
    return clean(
        text_at(told.resource, "business_profile", "name")
        or text_at(told.resource, "settings", "dashboard", "display_name")
        or text_at(told.resource, "email")
        or text_at(told.payload, "account")
        or (text_at(told.resource, "id") if text_at(told.resource, "object") == "account" else ""),
        80,
    )


def _requirement(code: str) -> str:
    """Return `person_….first_name` as `first name`: only the id names the person."""
    if code.startswith("person_"):
        code = code.partition(".")[2]
    return words(code).replace(".", " ")


def _requirements(told: Told) -> str:
    due = [_requirement(text_at(one)) for one in list_at(told.resource, "requirements", "currently_due")]
    return f"{due[0]} and {len(due) - 1} more" if len(due) > 1 else "".join(due)


def _coupon(told: Told) -> str:
    coupon = text_at(told.resource, "coupon", "name") or text_at(told.resource, "coupon", "id")
    return clean(coupon or text_at(told.resource, "source", "coupon") or text_at(told.resource, "coupon"), 60)


def _discount(told: Told) -> str:
    if percent := clean(text_at(told.resource, "percent_off"), 10):
        return f"{percent.removesuffix('.0')}% off"
    amount = format_minor(at(told.resource, "amount_off"), at(told.resource, "currency"))
    return f"{amount} off" if amount else ""


def _percentage(told: Told) -> str:
    percentage = clean(text_at(told.resource, "percentage"), 20)
    return f"{percentage.removesuffix('.0')}%" if percentage else ""


def _expiry(told: Told) -> str:
    month, year = int_at(told.resource, "exp_month"), int_at(told.resource, "exp_year")
    return f"{month:02}/{year}" if month and year and 0 < month < 13 and 2000 <= year <= 9999 else ""


def _period_end(told: Told) -> str:
    item, old = ("items", "data", 0, "current_period_end"), "current_period_end"
    return day(int_at(told.resource, *item) or int_at(told.resource, old))


def _ends(told: Told) -> str:
    return day(int_at(told.resource, "cancel_at")) or _period_end(told)


def _cancellation(told: Told) -> str:
    reason = text_at(told.resource, "cancellation_details", "reason") or text_at(told.resource, "cancellation_reason")
    return words(reason)


def _capability(told: Told) -> str:
    return f"to use {words(text_at(told.resource, 'id'))}" if text_at(told.resource, "id") else ""


PARTS: Mapping[str, Callable[[Told], str]] = {
    "account": _account_name,
    "amount": _money("amount"),
    "arrival": _day("arrival_date"),
    "attempt": _attempt,
    "available": _available,
    "cancellation": _cancellation,
    "capability": _capability,
    "capturable": _money("amount_capturable"),
    "captured": _money("amount_captured"),
    "card": lambda told: card_of(told.resource),
    "code": _text("code"),
    "coupon": _coupon,
    "description": _text("description"),
    "destination": _text("destination"),
    "disabled": lambda told: words(text_at(told.resource, "requirements", "disabled_reason").replace(".", " ")),
    "discount": _discount,
    "display_name": _text("display_name"),
    "dispute_reason": lambda told: words(text_at(told.resource, "reason").replace("general", "")),
    "due": _money("amount_due"),
    "ends": _ends,
    "expiry": _expiry,
    "failure": lambda told: failure_of(told.resource),
    "fraud": _words("fraud_type"),
    "name": _text("name"),
    "next_attempt": _day("next_payment_attempt"),
    "nickname": _text("nickname"),
    "number": _text("number"),
    "old_plan": lambda told: plan_of(told.previous),
    "old_price": lambda told: price_of(told.previous),
    "old_status": lambda told: _status_words(text_at(told.previous, "status")),
    "overpaid": _overpaid,
    "own_price": lambda told: recurring_price(told.resource),
    "paid": _money("amount_paid"),
    "period_end": _period_end,
    "percentage": _percentage,
    "plan": lambda told: plan_of(told.resource),
    "price": lambda told: price_of(told.resource),
    "reason": _words("reason"),
    "received": lambda told: _money("amount_received")(told) or _money("amount")(told),
    "refunded": _money("amount_refunded"),
    "remaining": _money("amount_remaining"),
    "requirements": _requirements,
    "reversed": _money("amount_reversed"),
    "status": lambda told: _status_words(text_at(told.resource, "status")),
    "terms": _terms,
    "total": lambda told: _money("amount_total")(told) or _money("total")(told),
    "trial_end": _day("trial_end"),
    "verification": _words("verification", "status"),
    "who": lambda told: person_of(told.payload),
}
