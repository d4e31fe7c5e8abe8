"""The person behind an event: the customer's name, else the e-mail address."""

from collections.abc import Mapping, Sequence

from bridge.core.payload import clean, map_at, text_at

_HOLDERS: Sequence[tuple[str, tuple[str | int, ...]]] = (
    ("billing_details", ()),
    ("customer_details", ()),
    ("cardholder", ()),
    ("card", ("cardholder",)),
    ("owner", ()),
    ("source", ("owner",)),
    ("shipping", ()),
    ("last_payment_error", ("payment_method", "billing_details")),
    ("last_setup_error", ("payment_method", "billing_details")),
    ("charges", ("data", 0, "billing_details")),  # a payment intent of an older API version
    ("customer", ()),  # expanded, as in events from some forwarders
    ("source", ()),  # an old-style card
)
"""Paths to objects with the customer's `name` and `email`."""

_ANY_FIELD = frozenset(
    {*(field for field, _ in _HOLDERS), "customer_name", "customer_email", "receipt_email", "evidence"} - {"customer"}
)

_PERSON_KINDS = frozenset({"customer", "issuing.cardholder"})

_PERSON_FIELDS = ("name", "individual_name", "business_name", "email")

_LONGEST = 120


def person_of(kind: str, resource: Mapping[str, object]) -> str:
    """Return the customer's name or e-mail address, at most 120 characters, or "". ``kind`` is the object's.

    Many objects (subscriptions, payouts) hold only the customer's id, which is no name.
    """
    if kind == "person":
        return clean(f"{text_at(resource, 'first_name')} {text_at(resource, 'last_name')}".strip(), _LONGEST)
    if kind in _PERSON_KINDS:
        return _first([text_at(resource, field) for field in _PERSON_FIELDS])
    if resource.keys().isdisjoint(_ANY_FIELD) and not isinstance(resource.get("customer"), dict):
        return ""
    email = ""
    for field, path in _HOLDERS:
        if field in resource and (holder := map_at(resource[field], *path)):
            if name := clean(text_at(holder, "name"), _LONGEST):
                return name
            email = email or text_at(holder, "email")
    named = (text_at(resource, "customer_name"), text_at(resource, "evidence", "customer_name"), email)
    addresses = (("customer_email",), ("evidence", "customer_email_address"), ("receipt_email",))
    return _first(named) or _first([text_at(resource, *path) for path in addresses])


def _first(texts: Sequence[str]) -> str:
    return next((name for text in texts if text and (name := clean(text, _LONGEST))), "")
