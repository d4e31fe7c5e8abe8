"""Subjects of Stripe events, and their Dashboard pages."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple
from urllib.parse import quote

from bridge.core.payload import at, clean, text_at

DASHBOARD = "https://dashboard.stripe.com/"

_Resource = Mapping[str, object]

_ZEROS = "0000000000"
_PLAIN_ID = re.compile(r"[A-Za-z0-9_-]{1,200}")

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
"""Dashboard page of each kind of object; an object without a page links to its event."""


class Subject(NamedTuple):
    """Subject of an event. ``shown`` is the kind and id of the object with the best Dashboard page."""

    text: str
    shown: tuple[str, str]


def subject_of(event_type: str, kind: str, resource: _Resource, payload: _Resource) -> Subject:
    """Return the subject, the same for every event in the life of a payment, an invoice, a subscription….

    ``resource`` is `data.object`, and ``kind`` what it is.

    - A charge, its refunds, disputes, reviews and fraud warnings belong to the payment: the payment intent, or the
      charge if there is none (payments made without intents). So a dispute joins the thread of its payment.
    - An invoice's payments and credit notes belong to the invoice. An upcoming invoice has no id yet, and belongs to
      the subscription that it will bill, else to the customer.
    - A customer's discounts, tax ids and old-style cards belong to the customer.
    - Changes of a connected account (its capabilities, persons, bank accounts, the app's permission) belong to the
      account: its capabilities have ids such as ``card_payments`` that every account shares.
    - A checkout session, a subscription schedule, a payment method are their own subjects: the objects that they lead
      to are missing from the first events, so only their own id is stable.
    - A thin event belongs to the object that it names, or to the account of the person that it names.

    An object without an id falls back to its customer, then its account, and at last the event's type. Ids of zeros, as
    in the Dashboard's test events, are no ids.
    """
    if not resource:
        return _subject(*_thin_object(payload), event_type)
    shown_objects = _SHOWN_OBJECTS.get(kind, ())
    kind, object_id = _kind_and_id(event_type, kind, resource, payload)
    if not object_id:
        kind, object_id = "customer", id_at(resource, "customer")
    if not object_id:
        kind, object_id = "account", account_of(payload)
    for shown_kind, path in shown_objects:
        if shown_id := id_at(resource, *path):
            return _subject(kind, object_id, event_type, shown=(shown_kind, shown_id))
    return _subject(kind, object_id, event_type)


def _thin_object(payload: _Resource) -> tuple[str, str]:
    kind, object_id = text_at(payload, "related_object", "type"), real_id(text_at(payload, "related_object", "id"))
    account = real_id(text_at(payload, "data", "account_id"))
    return (
        ("account", account) if account and (not object_id or kind == "v2.core.account_person") else (kind, object_id)
    )


def _kind_and_id(event_type: str, kind: str, resource: _Resource, payload: _Resource) -> tuple[str, str]:
    if event_type.startswith(("account.", "capability.", "person.")):
        return "account", _own_account(resource) or account_of(payload)
    if event_type.startswith("customer.") and kind in _CUSTOMER_OWNED and (customer := id_at(resource, "customer")):
        return "customer", customer
    reader = _SUBJECT_READERS.get(kind)
    kind_and_id = reader(resource) if reader else ("", "")
    return kind_and_id if kind_and_id[1] else (kind, real_id(text_at(resource, "id")))


def _subject(kind: str, object_id: str, event_type: str, shown: tuple[str, str] | None = None) -> Subject:
    return Subject(clean(object_id, 200) or event_type, shown or (kind, object_id))


def id_at(data: object, *path: str | int) -> str:
    """Return the id of another object, given as text or as the expanded object; else ""."""
    value = at(data, *path)
    return "" if value is None else real_id(text_at(value) or text_at(value, "id"))


def real_id(object_id: str) -> str:
    """Return an id, or "" for one of zeros (`evt_00000000000000`).

    The Dashboard's test events carry them for the event and all its objects: https://github.com/dj-stripe/dj-stripe/issues/392.
    """
    return "" if object_id.endswith(_ZEROS) else object_id


def subscription_of(invoice: object) -> str:
    """Return the subscription of an invoice, from its path since API 2025-03-31 or the older one; else ""."""
    return id_at(invoice, "parent", "subscription_details", "subscription") or id_at(invoice, "subscription")


def _payment(resource: _Resource) -> tuple[str, str]:
    if intent := id_at(resource, "payment_intent"):
        return "payment_intent", intent
    is_charge = text_at(resource, "object") == "charge"
    return "charge", id_at(resource, "id") if is_charge else id_at(resource, "charge")


def _invoice(resource: _Resource) -> tuple[str, str]:
    if object_id := id_at(resource, "id"):
        return "invoice", object_id
    return "subscription", subscription_of(resource)


def _own_account(resource: _Resource) -> str:
    return id_at(resource, "id" if text_at(resource, "object") == "account" else "account")


def account_of(payload: _Resource) -> str:
    """Return the connected account of an event, or ""."""
    account = at(payload, "account") or at(payload, "context")
    return real_id(text_at(account)) if account else ""


_SUBJECT_READERS: Mapping[str, Callable[[_Resource], tuple[str, str]]] = {
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

_CUSTOMER_OWNED = frozenset({"discount", "tax_id", "card", "source", "bank_account"})

_SHOWN_OBJECTS: Mapping[str, Sequence[tuple[str, tuple[str, ...]]]] = {
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
"""Objects best shown by another object's Dashboard page: its kind, and the path of its id."""


def link_to(subject: Subject, account: str, event_id: str, *, test: bool) -> str:
    """Return the subject's Dashboard page, in the right mode and account; without a page, the event's own."""
    kind, object_id = subject.shown
    page = _PAGES.get(kind) if object_id else None
    if page is None:
        page, object_id = "events/", event_id
        if not object_id:
            return ""
    # The platform opens a connected account from its own side, and the account's contents from the account's side.
    account_path = f"{account}/" if account and page != _PAGES["account"] and _is_account(account) else ""
    return f"{DASHBOARD}{account_path}{'test/' if test else ''}{page}{_in_path(object_id)}"


def _in_path(object_id: str) -> str:
    """Return an id as part of a URL's path. Stripe's own ids are plain; a coupon's id is chosen by people."""
    return object_id if _PLAIN_ID.fullmatch(object_id) else quote(clean(object_id, 200), safe="")


def _is_account(object_id: str) -> bool:
    return object_id.startswith("acct_") and object_id.isascii() and object_id[5:].isalnum() and len(object_id) <= 100
