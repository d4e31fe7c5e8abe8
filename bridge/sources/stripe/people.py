"""Who is behind an event: the customer, by name or else by e-mail address."""

from collections.abc import Mapping

from bridge.core.payload import clean, map_at, text_at

_NAMES = (
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
    ("customer", "name"),  # expanded, as some forwarders of events do
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
"""Where objects say whom they are about, names before addresses."""

_IS_A_PERSON = frozenset({"customer", "issuing.cardholder"})

_OF_A_PERSON = (("name",), ("individual_name",), ("business_name",), ("email",))


def person_of(payload: Mapping[str, object]) -> str:
    """The customer's name or e-mail address, at most 120 characters, or "" where the event does not say.

    Many objects (subscriptions, payouts) hold no more than the customer's id, which is no name.
    """
    resource = map_at(payload, "data", "object")
    kind = text_at(resource, "object")
    if kind == "person":
        return clean(f"{text_at(resource, 'first_name')} {text_at(resource, 'last_name')}".strip(), 120)
    for path in _OF_A_PERSON if kind in _IS_A_PERSON else _NAMES:
        if name := clean(text_at(resource, *path), 120):
            return name
    return ""
