"""The person behind an event: the customer's name, else the e-mail address."""

from collections.abc import Mapping

from bridge.core.payload import clean, map_at, text_at

_NAME_PATHS = (
    ("billing_details", "name"),
    ("customer_details", "name"),
    ("customer_name",),
    ("evidence", "customer_name"),
    ("cardholder", "name"),
    ("card", "cardholder", "name"),
    ("owner", "name"),
    ("source", "owner", "name"),
    ("shipping", "name"),
    ("last_payment_error", "payment_method", "billing_details", "name"),
    ("last_setup_error", "payment_method", "billing_details", "name"),
    ("charges", "data", 0, "billing_details", "name"),  # a payment intent of an older API version
    ("customer", "name"),  # expanded, as in events from some forwarders
    ("billing_details", "email"),
    ("customer_details", "email"),
    ("customer_email",),
    ("evidence", "customer_email_address"),
    ("receipt_email",),
    ("owner", "email"),
    ("last_payment_error", "payment_method", "billing_details", "email"),
    ("last_setup_error", "payment_method", "billing_details", "email"),
    ("charges", "data", 0, "billing_details", "email"),
    ("customer", "email"),
)
"""Paths to the customer, names before addresses."""

_PERSON_KINDS = frozenset({"customer", "issuing.cardholder"})

_PERSON_PATHS = (("name",), ("individual_name",), ("business_name",), ("email",))


def person_of(payload: Mapping[str, object]) -> str:
    """Return the customer's name or e-mail address, at most 120 characters, or "".

    Many objects (subscriptions, payouts) hold only the customer's id, which is no name.
    """
    resource = map_at(payload, "data", "object")
    kind = text_at(resource, "object")
    if kind == "person":
        return clean(f"{text_at(resource, 'first_name')} {text_at(resource, 'last_name')}".strip(), 120)
    for path in _PERSON_PATHS if kind in _PERSON_KINDS else _NAME_PATHS:
        if name := clean(text_at(resource, *path), 120):
            return name
    return ""
