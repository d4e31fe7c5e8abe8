"""The name of an event's object: what its owner calls it."""

from collections.abc import Mapping

from bridge.core.payload import clean, text_at

_LONGEST = 100
_Path = tuple[str, ...]

_NAME_PATHS: Mapping[str, tuple[_Path, ...]] = {
    "account": (("business_profile", "name"), ("settings", "dashboard", "display_name"), ("company", "name")),
    "application": (("name",),),
    "apps.install": (("app",),),
    "billing.alert_triggered": (("alert", "title"),),
    "billing.credit_grant": (("name",),),
    "billing.meter": (("display_name",),),
    "billing_portal.configuration": (("name",),),
    "charge": (("description",),),
    "checkout.session": (("client_reference_id",),),
    "climate.order": (("product", "name"), ("product",)),
    "climate.product": (("name",),),
    "coupon": (("name",), ("id",)),
    "credit_note": (("number",),),
    "customer": (("name",), ("email",), ("description",)),
    "discount": (("coupon", "name"), ("coupon", "id"), ("source", "coupon", "name"), ("source", "coupon")),
    "file": (("filename",),),
    "financial_connections.account": (("display_name",), ("institution_name",)),
    "invoice": (("number",),),
    "invoiceitem": (("description",),),
    "issuing.cardholder": (("name",),),
    "issuing.personalization_design": (("name",),),
    "payment_intent": (("description",),),
    "plan": (("nickname",), ("name",)),
    "price": (("nickname",),),
    "product": (("name",),),
    "promotion_code": (("code",),),
    "quote": (("number",),),
    "reporting.report_type": (("name",),),
    "scheduled_query_run": (("title",),),
    "setup_intent": (("description",),),
    "subscription": (
        ("description",),
        ("plan", "nickname"),
        ("plan", "name"),
    ),
    "tax_rate": (("display_name",),),
    "terminal.reader": (("label",),),
    "test_helpers.test_clock": (("name",),),
    "topup": (("description",),),
    "transfer": (("description",),),
    "treasury.financial_account": (("nickname",),),
}
"""Paths to a name, by the kind of object; an object of another kind has none."""


def name_of(kind: str, resource: Mapping[str, object]) -> str:
    """Return the invoice's number, the product's name, the payment's description…, or "". ``kind`` is the object's."""
    for path in _NAME_PATHS.get(kind, ()):
        if name := text_at(resource, *path):
            return clean(name, _LONGEST)
    return ""
