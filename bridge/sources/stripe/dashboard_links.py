"""What an event is about, and where the Dashboard shows it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from bridge.core.payload import at, clean, map_at, text_at

DASHBOARD = "https://dashboard.stripe.com/"

_Resource = Mapping[str, object]

_PAGES = {
    "account": "connect/accounts/",
    "charge": "payments/",
    "coupon": "coupons/",
    "credit_note": "credit_notes/",
    "customer": "customers/",
    "dispute": "disputes/",
    "identity.verification_session": "identity/verification-sessions/",
    "invoice": "invoices/",
    "issuing.authorization": "issuing/authorizations/",
    "issuing.card": "issuing/cards/",
    "issuing.cardholder": "issuing/cardholders/",
    "issuing.dispute": "issuing/disputes/",
    "issuing.transaction": "issuing/transactions/",
    "payment_intent": "payments/",
    "payment_link": "payment-links/",
    "payout": "payouts/",
    "plan": "plans/",
    "price": "prices/",
    "product": "products/",
    "promotion_code": "promotion_codes/",
    "quote": "quotes/",
    "setup_intent": "setup_intents/",
    "subscription": "subscriptions/",
    "subscription_schedule": "subscription_schedules/",
    "topup": "topups/",
    "transfer": "connect/transfers/",
    "v2.core.account": "connect/accounts/",
}
"""The Dashboard's page for each kind of object; what has none is shown by its event."""


@dataclass(frozen=True, slots=True)
class Thing:
    """What an event is about. ``shown`` is the kind and id of the object whose Dashboard page shows it best."""

    subject: str
    shown: tuple[str, str]


def thing_of(event_type: str, payload: _Resource) -> Thing:
    """What the event is about, the same for every event in the life of a payment, an invoice, a subscription….

    - A charge, its refunds, disputes, reviews and fraud warnings are about the payment: the payment intent, or the
      charge where there is none (payments made without intents). So a dispute is told in the thread of what was paid.
    - An invoice's payments and credit notes are about the invoice. An upcoming invoice has no id yet, and is about the
      subscription that it will bill, else about the customer.
    - A customer's discounts, tax ids and old-style cards are about the customer.
    - What befalls a connected account (its capabilities, persons, bank accounts, the app's permission) is about the
      account, whose capabilities have ids such as ``card_payments`` that every account shares.
    - A checkout session, a subscription schedule, a payment method keep to themselves: what they lead to is not there
      from the first event on, so that their own id is all that is stable.
    - A thin event is about the object that it names, or about the account of the person that it names.

    An object that stays without an id goes by its customer, then by its account, and at last by the event's type.
    """
    resource = map_at(payload, "data", "object")
    if not resource:
        return _thing(*_named(payload), event_type)
    kind, object_id = _about(event_type, resource, payload)
    if not object_id:
        kind, object_id = "customer", id_at(resource, "customer")
    if not object_id:
        kind, object_id = "account", _account_id(payload)
    for better_kind, path in _SHOWN_BY.get(text_at(resource, "object"), ()):
        if better := id_at(resource, *path):
            return _thing(kind, object_id, event_type, shown=(better_kind, better))
    return _thing(kind, object_id, event_type)


def _named(payload: _Resource) -> tuple[str, str]:
    kind, object_id = text_at(payload, "related_object", "type"), text_at(payload, "related_object", "id")
    account = text_at(payload, "data", "account_id")
    return (
        ("account", account) if account and (not object_id or kind == "v2.core.account_person") else (kind, object_id)
    )


def _about(event_type: str, resource: _Resource, payload: _Resource) -> tuple[str, str]:
    kind = text_at(resource, "object")
    if event_type.startswith(("account.", "capability.", "person.")):
        return "account", _own_account(resource) or _account_id(payload)
    if event_type.startswith("customer.") and kind in _A_CUSTOMERS and (customer := id_at(resource, "customer")):
        return "customer", customer
    about = _ABOUT.get(kind)
    found = about(resource) if about else ("", "")
    return found if found[1] else (kind, text_at(resource, "id"))


def _thing(kind: str, object_id: str, event_type: str, shown: tuple[str, str] | None = None) -> Thing:
    return Thing(clean(object_id, 200) or event_type, shown or (kind, object_id))


def id_at(data: object, *path: str | int) -> str:
    """The id of another object: given as text, or as the object itself where it came expanded; else ""."""
    return text_at(data, *path) or text_at(data, *path, "id")


def subscription_of(invoice: object) -> str:
    """The subscription that an invoice bills, where it stands now (API 2025-03-31 and later) or stood before; or ""."""
    return id_at(invoice, "parent", "subscription_details", "subscription") or id_at(invoice, "subscription")


def _payment(resource: _Resource) -> tuple[str, str]:
    if intent := id_at(resource, "payment_intent"):
        return "payment_intent", intent
    is_charge = text_at(resource, "object") == "charge"
    return "charge", text_at(resource, "id") if is_charge else id_at(resource, "charge")


def _invoice(resource: _Resource) -> tuple[str, str]:
    if object_id := text_at(resource, "id"):
        return "invoice", object_id
    return "subscription", subscription_of(resource)


def _own_account(resource: _Resource) -> str:
    return text_at(resource, "id") if text_at(resource, "object") == "account" else id_at(resource, "account")


def _account_id(payload: _Resource) -> str:
    return text_at(payload, "account") or text_at(payload, "context")


_ABOUT: Mapping[str, Callable[[_Resource], tuple[str, str]]] = {
    "charge": _payment,
    "refund": _payment,
    "dispute": _payment,
    "review": _payment,
    "radar.early_fraud_warning": _payment,
    "invoice": _invoice,
    "invoice_payment": lambda resource: ("invoice", id_at(resource, "invoice")),
    "credit_note": lambda resource: ("invoice", id_at(resource, "invoice")),
    "billing.alert_triggered": lambda resource: ("billing.alert", id_at(resource, "alert")),
}

_A_CUSTOMERS = frozenset({"discount", "tax_id", "card", "source", "bank_account"})

_SHOWN_BY: Mapping[str, Sequence[tuple[str, tuple[str, ...]]]] = {
    "checkout.session": (
        ("payment_intent", ("payment_intent",)),
        ("subscription", ("subscription",)),
        ("invoice", ("invoice",)),
        ("customer", ("customer",)),
    ),
    "credit_note": (("credit_note", ("id",)),),
    "payment_method": (("customer", ("customer",)),),
    "invoiceitem": (("invoice", ("invoice",)), ("customer", ("customer",))),
    "billing.alert_triggered": (("customer", ("customer",)),),
    "billing.credit_balance_transaction": (("invoice", ("debit", "credits_applied", "invoice")),),
    "billing.credit_grant": (("customer", ("customer",)),),
    "billing_portal.session": (("customer", ("customer",)),),
    "customer_cash_balance_transaction": (
        ("payment_intent", ("applied_to_payment", "payment_intent")),
        ("payment_intent", ("refunded_from_payment", "payment_intent")),
        ("customer", ("customer",)),
    ),
    "entitlements.active_entitlement_summary": (("customer", ("customer",)),),
    "financial_connections.account": (("customer", ("account_holder", "customer")),),
    "issuing.token": (("issuing.card", ("card",)),),
    "reserve.hold": (("charge", ("source_charge",)),),
    "source": (("customer", ("customer",)),),
}
"""Objects that the Dashboard shows best by another one, told as its kind, and the path of its id."""


def link_to(thing: Thing, payload: _Resource) -> str:
    """The Dashboard's page for a thing, in the right mode and account; for what has no page, the event's own."""
    kind, object_id = thing.shown
    page = _PAGES.get(kind) if object_id else None
    if page is None:
        page, object_id = "events/", text_at(payload, "id")
        if not object_id:
            return ""
    account = _account_id(payload)
    # The platform looks at a connected account from its own side, and at all that is in it from the account's.
    within = f"{account}/" if _is_account(account) and page != _PAGES["account"] else ""
    mode = "test/" if at(payload, "livemode") is False else ""
    return f"{DASHBOARD}{within}{mode}{page}{quote(clean(object_id, 200), safe='')}"


def _is_account(object_id: str) -> bool:
    return object_id.startswith("acct_") and object_id.isascii() and object_id[5:].isalnum() and len(object_id) <= 100
