"""Who is behind an event: the customer, by name or else by e-mail address."""

from collections.abc import Mapping

from bridge.payload import clean, text_at

_NAMES = (
    ("billing_details", "name"),
    ("customer_details", "name"),
    ("customer_name",),
    ("evidence", "customer_name"),
    ("cardholder", "name"),
    ("shipping", "name"),
    ("billing_details", "email"),
    ("customer_details", "email"),
    ("customer_email",),
    ("evidence", "customer_email_address"),
    ("receipt_email",),
    ("last_payment_error", "payment_method", "billing_details", "name"),
    ("last_payment_error", "payment_method", "billing_details", "email"),
    ("last_setup_error", "payment_method", "billing_details", "name"),
    ("last_setup_error", "payment_method", "billing_details", "email"),
    ("customer", "name"),  # expanded, as some forwarders of events do
    ("customer", "email"),
)
"""Where objects say whom they are about, names before addresses."""

_IS_A_PERSON = frozenset({"customer", "issuing.cardholder"})


def person_of(payload: Mapping[str, object]) -> str:
    """The customer's name or e-mail address, at most 120 characters, or "" where the event does not say.

    Many objects (subscriptions, payouts) hold no more than the customer's id, which is no name.
    """
    paths: tuple[tuple[str, ...], ...] = _NAMES
    if text_at(payload, "data", "object", "object") in _IS_A_PERSON:
        paths = (("name",), ("individual_name",), ("business_name",), ("email",))
    elif text_at(payload, "data", "object", "object") == "person":
        return clean(_full_name(payload), 120)
    for path in paths:
        if name := clean(text_at(payload, "data", "object", *path), 120):
            return name
    return ""


def _full_name(payload: Mapping[str, object]) -> str:
    names = (text_at(payload, "data", "object", part) for part in ("first_name", "last_name"))
    return " ".join(name for name in names if name)
