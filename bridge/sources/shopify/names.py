"""The name of what a delivery is about: what its owner calls it."""

from collections.abc import Mapping

from bridge.core.payload import at, clean, text_at
from bridge.sources.shopify.admin_pages import Payload
from bridge.sources.shopify.subjects import group_of, person

_Path = tuple[str, ...]

_USUAL: tuple[_Path, ...] = tuple((key,) for key in ("title", "name", "display_name", "host", "handle", "sku"))

# Groups whose name has another place; () for those that nobody has named.
_NAME_PATHS: Mapping[str, tuple[_Path, ...]] = {
    "app_purchases_one_time": (("app_purchase_one_time", "name"),),
    "app_subscriptions": (("app_subscription", "name"),),
    "carts": (),
    "checkouts": (),
    "collection_listings": (("collection_listing", "title"),),
    "company_contact_roles": (("company_contact", "company", "name"),),
    "company_contacts": (("title",), ("company", "name")),
    "customer_payment_methods": (("payment_instrument", "name"),),
    "discounts": (("redeem_code", "code"), ("title",)),
    "draft_orders": (("name",),),
    "fulfillment_orders": (),
    "fulfillments": (("name",),),
    "locales": (("locale",),),
    "order_transactions": (),
    "orders": (("name",),),
    "payment_terms": (("payment_terms_name",),),
    "product_feeds": (("product", "title"),),
    "product_listings": (("product_listing", "title"),),
    "scheduled_product_listings": (("scheduled_product_listing", "title"),),
}

_OF_ONE_FORM = "Default Title"
"""The title of the only variant of a product that comes in one form."""


def name_of(event_type: str, payload: Payload) -> str:
    """Return the name, as short plain text: an order's number, a product's title, a customer's name; "" without one."""
    group = group_of(event_type)
    if group[:1].isupper():
        data = at(payload, "data", group[:1].lower() + group[1:])
        return next((clean(name, 120) for key in ("displayName", "title", "name") if (name := text_at(data, key))), "")
    for path in _NAME_PATHS.get(group, _USUAL):
        value = payload.get(path[0]) if len(path) == 1 else at(payload, *path)
        if isinstance(value, str) and (name := clean(value, 120)) and name != _OF_ONE_FORM:
            return name
    if group == "orders":
        return f"#{number}" if (number := clean(text_at(payload, "order_number"), 40)) else ""
    return person(payload) if group in ("customers", "shipping_addresses", "finance_app_staff_member") else ""
