"""Pages of a shop's admin, by what an event is about."""

from collections.abc import Mapping

from bridge.core.payload import text_at

Payload = Mapping[str, object]

GLOBAL_ID_PREFIX = "gid://shopify/"

_HOST = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")
_SHOP_SUFFIX = ".myshopify.com"

# Admin pages by the kind in the global id. A deleted object, or one without an id, links to the list before the `/{}`.
# Shopify redirects `<shop>/admin/…` to the admin's current address.
_ADMIN_PAGES: Mapping[str, str] = {
    "Order": "orders/{}",
    "FulfillmentOrder": "orders",  # its body names no order
    "PaymentTerms": "orders",
    "Return": "orders",
    "ReverseFulfillmentOrder": "orders",
    "DraftOrder": "draft_orders/{}",
    "Checkout": "checkouts",
    "Product": "products/{}",
    "ProductVariant": "products",
    "Collection": "collections/{}",
    "InventoryItem": "products/inventory/{}/inventory_history",
    "InventoryShipment": "products/inventory",
    "InventoryTransfer": "products/inventory",
    "Customer": "customers/{}",
    "CustomerGroup": "customers/segments",
    "Segment": "customers/segments/{}",
    "Company": "companies/{}",
    "CompanyContact": "companies",
    "CompanyLocation": "companies",
    "Location": "settings/locations/{}",
    "Theme": "themes/{}",
    "DiscountAutomaticNode": "discounts/{}",
    "DiscountCodeNode": "discounts/{}",
    "Market": "markets/{}",
    "MarketRegion": "markets",
    "MarketRegionCountry": "markets",
    "Metaobject": "content/metaobjects",
    "MetafieldDefinition": "settings/custom_data",
    "DeliveryProfile": "settings/shipping",
    "DeliveryPromise": "settings/shipping",
    "Domain": "settings/domains",
    "Locale": "settings/languages",
    "TaxService": "settings/taxes",
    "CheckoutProfile": "settings/checkout",
    "CustomerAccounts": "settings/customer_accounts",
}

# Paths to the company of a contact or location; only the company has a page.
_COMPANY_PATHS: tuple[tuple[str, ...], ...] = (
    ("company", "admin_graphql_api_id"),
    ("company_contact", "company", "admin_graphql_api_id"),
)


def admin_path(kind: str, object_id: str, payload: Payload, gone: bool) -> str:
    """Return the page of a thing below ``/admin/``, the list of its kind if it is gone or has no id, or ""."""
    page = _ADMIN_PAGES.get(kind, "")
    if kind == "ProductVariant" and _is_id(product := text_at(payload, "product_id")):
        page = f"products/{product}/variants/{{}}"
    elif kind in ("CompanyContact", "CompanyLocation"):
        companies = (text_at(payload, *path).removeprefix(f"{GLOBAL_ID_PREFIX}Company/") for path in _COMPANY_PATHS)
        return next((f"companies/{company}" for company in companies if _is_id(company)), page)
    list_page, has_id_slot, _ = page.partition("/{}")
    return page.format(object_id) if has_id_slot and _is_id(object_id) and not gone else list_page


def _is_id(object_id: str) -> bool:
    return object_id.isascii() and object_id.isdigit() and len(object_id) <= 20


def shop_of(domain: str, payload: Payload) -> str:
    """Return the ``….myshopify.com`` domain from the signed body, else from the header; "" if both are invalid."""
    for host in (payload.get("myshopify_domain"), payload.get("shop_domain"), domain):
        if not isinstance(host, str):
            continue
        name = host.lower().removesuffix(_SHOP_SUFFIX)
        if len(name) < len(host) <= 100 and name and name[0] != "-" and _HOST.issuperset(name):
            return name + _SHOP_SUFFIX
    return ""


def link_to(path: str, shop: str) -> str:
    """Return the page at a path of the shop's admin, or the admin itself; "" for an unknown shop."""
    return f"https://{shop}/admin/{path}".rstrip("/") if shop else ""
