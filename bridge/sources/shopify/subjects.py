"""What a delivery is about, where that is in the admin, whose doing it was, and when."""

from collections.abc import Mapping
from dataclasses import dataclass

from bridge.core.payload import at, clean, text_at
from bridge.core.times import written_time

_HOST = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")
_SHOP_SUFFIX = ".myshopify.com"

_Path = tuple[str, ...]

_GLOBAL = "gid://shopify/"

_ORDER_OF: tuple[_Path, ...] = (("order_id",), ("order", "id"), ("admin_graphql_api_order_id",))

# Topic groups whose body keeps its id in another place than `admin_graphql_api_id` or `id`, or is about another thing
# than the group's name says: a refund is read, repeated and linked as part of its order.
_WHERE: Mapping[str, tuple[str, tuple[_Path, ...]]] = {
    "orders": ("Order", (("order_edit", "order_id"), *_ORDER_OF, ("id",))),
    "order_transactions": ("Order", _ORDER_OF),
    "tender_transactions": ("Order", _ORDER_OF),
    "refunds": ("Order", _ORDER_OF),
    "disputes": ("Order", _ORDER_OF),
    "fulfillments": ("Order", _ORDER_OF),
    "fulfillment_events": ("Order", _ORDER_OF),
    "returns": ("Order", (*_ORDER_OF, ("admin_graphql_api_id",))),
    "reverse_deliveries": ("Return", (("return", "id"),)),
    "payment_terms": ("PaymentTerms", (("id",),)),
    "payment_schedules": ("PaymentTerms", (("payment_terms_id",),)),
    "attributed_sessions": ("Order", _ORDER_OF),
    "tax_summaries": ("Order", _ORDER_OF),
    "checkouts": ("Checkout", (("token",), ("cart_token",), ("id",))),
    "carts": ("Cart", (("token",), ("id",))),
    "fulfillment_holds": ("FulfillmentOrder", (("fulfillment_order", "id"),)),
    "fulfillment_orders": (
        "FulfillmentOrder",
        (
            ("fulfillment_order", "id"),
            ("original_fulfillment_order", "id"),
            ("fulfillment_order_merges", "fulfillment_order", "id"),
        ),
    ),
    "product_listings": ("Product", (("product_listing", "product_id"),)),
    "scheduled_product_listings": ("Product", (("scheduled_product_listing", "product_id"),)),
    "product_publications": ("Product", (("product_id",),)),
    "product_feeds": ("ProductFeed", (("productFeed", "id"), ("id",))),
    "collection_listings": ("Collection", (("collection_listing", "collection_id"),)),
    "collection_publications": ("Collection", (("collection_id",),)),
    "inventory_levels": ("InventoryItem", (("inventory_item_id",),)),
    "inventory_shipments": ("InventoryShipment", (("id",), ("shipment_id",))),
    "customers": (
        "Customer",
        (("customer", "id"), ("customerId",), ("admin_graphql_api_customer_kept_id",), ("id",)),
    ),
    "customer": ("Customer", (("customerId",), ("customer_id",))),
    "shipping_addresses": ("Customer", (("customer_id",), ("customer", "id"))),
    "customer_payment_methods": ("Customer", (("customer_id",), ("admin_graphql_api_customer_id",))),
    "customers_email_marketing_consent": ("Customer", (("customer_id",), ("id",))),
    "customers_marketing_consent": ("Customer", (("customer_id",), ("id",))),
    "customers_whats_app_marketing_consent": ("Customer", (("customer_id",), ("id",))),
    "company_contact_roles": ("CompanyContact", (("company_contact", "admin_graphql_api_id"),)),
    "subscription_billing_attempts": ("SubscriptionContract", (("subscription_contract_id",),)),
    "subscription_billing_cycles": ("SubscriptionContract", (("subscription_contract_id",),)),
    "subscription_billing_cycle_edits": ("SubscriptionContract", (("subscription_contract_id",),)),
    "app": ("Shop", (("shop_id",), ("id",))),
    "app_subscriptions": ("AppSubscription", (("app_subscription", "admin_graphql_api_id"),)),
    "app_purchases_one_time": ("AppPurchaseOneTime", (("app_purchase_one_time", "admin_graphql_api_id"),)),
    "shop": ("Shop", (("shop_id",), ("id",))),
    "locales": ("Locale", (("locale",),)),
}

_OWN_ID: tuple[_Path, ...] = (("admin_graphql_api_id",), ("id",))

# Where a thing is found in a shop's admin, by the kind that its global id names; what is gone, or of which no id is
# known, leads to the list before the `/{}`. Shopify sends `<shop>/admin/…` on to the admin's present address.
_ADMIN: Mapping[str, str] = {
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

_KIND_OF_GROUP: Mapping[str, str] = {
    "draft_orders": "DraftOrder",
    "products": "Product",
    "variants": "ProductVariant",
    "collections": "Collection",
    "inventory_items": "InventoryItem",
    "inventory_transfers": "InventoryTransfer",
    "customer_groups": "CustomerGroup",
    "segments": "Segment",
    "companies": "Company",
    "company_contacts": "CompanyContact",
    "company_locations": "CompanyLocation",
    "domains": "Domain",
    "locations": "Location",
    "themes": "Theme",
    "discounts": "DiscountCodeNode",
    "markets": "Market",
    "markets_backup_region": "MarketRegionCountry",
    "metaobjects": "Metaobject",
    "metafield_definitions": "MetafieldDefinition",
    "profiles": "DeliveryProfile",
    "delivery_promise_settings": "DeliveryPromise",
    "tax_services": "TaxService",
    "tax_partners": "TaxService",
    "checkout_and_accounts_configurations": "CheckoutProfile",
    "customer_account_settings": "CustomerAccounts",
    "reverse_fulfillment_orders": "ReverseFulfillmentOrder",
}

# Where the body of a company's contact or place names the company, which has a page.
_COMPANY: tuple[_Path, ...] = (
    ("company", "admin_graphql_api_id"),
    ("company_contact", "company", "admin_graphql_api_id"),
)

# The topics that name a customer who did it. Of staff, Shopify sends no names.
_BY_CUSTOMER = frozenset(
    {
        "checkouts/create",
        "checkouts/update",
        "customers/create",
        "orders/create",
        "orders/link_requested",
        "orders/paid",
    }
)

_TIMES = ("updated_at", "happened_at", "occurredAt", "occurred_at", "committed_at", "completed_at", "created_at")


@dataclass(frozen=True, slots=True)
class Subject:
    """``text`` is ``Kind/id`` as in Shopify's global ids (or the topic group, where the body names nothing).

    At most 200 characters. ``path`` is its place below ``/admin/``, "" where it has none.
    """

    text: str
    path: str


def group_of(event_type: str) -> str:
    """The part of a topic before its action: ``orders/create`` -> ``orders``, ``customer.x`` -> ``customer``."""
    return event_type.replace(".", "/", 1).split("/", 1)[0]


def action_of(event_type: str) -> str:
    """The part of a topic after its group; "" where there is none."""
    return event_type.replace(".", "/", 1).partition("/")[2]


def subject_of(event_type: str, payload: Mapping[str, object], resource_id: str) -> Subject:
    """What a delivery is about. ``resource_id`` is the header of Next-Gen Events, used where the body says nothing."""
    group = group_of(event_type)
    kind, paths = _WHERE.get(group, (_KIND_OF_GROUP.get(group, ""), _OWN_ID))
    if group[:1].isupper():
        kind, paths = group, (("query_variables", group[:1].lower() + group[1:] + "Id"),)
    for path in paths:
        if object_id := clean(text_at(payload, *path), 200):
            own = group[:1].isupper() or path[-1] in ("id", "admin_graphql_api_id")
            gone = own and action_of(event_type) in ("delete", "destroy")
            return _subject(kind or group, object_id, payload, gone)
    if resource_id:
        return _subject(kind or group, resource_id, payload, False)
    return Subject(group or event_type, _place(kind, "", payload, False))


def _subject(kind: str, object_id: str, payload: Mapping[str, object], gone: bool) -> Subject:
    if object_id.startswith(_GLOBAL):
        kind, _, object_id = object_id.removeprefix(_GLOBAL).partition("?")[0].partition("/")
        kind = kind.removeprefix("PaymentsPaymentFlexibilityPaymentTerms")  # before `PaymentTerms` and its parts
    return Subject(clean(f"{kind}/{object_id}", 200), _place(kind, object_id, payload, gone))


def _place(kind: str, object_id: str, payload: Mapping[str, object], gone: bool) -> str:
    place = _ADMIN.get(kind, "")
    if kind == "ProductVariant" and _is_id(product := text_at(payload, "product_id")):
        place = f"products/{product}/variants/{{}}"
    elif kind in ("CompanyContact", "CompanyLocation"):
        companies = (text_at(payload, *path).removeprefix(f"{_GLOBAL}Company/") for path in _COMPANY)
        return next((f"companies/{company}" for company in companies if _is_id(company)), place)
    listed, slot, _ = place.partition("/{}")
    return place.format(object_id) if slot and _is_id(object_id) and not gone else listed


def _is_id(object_id: str) -> bool:
    return object_id.isascii() and object_id.isdigit() and len(object_id) <= 20


def shop_of(domain: str, payload: Mapping[str, object]) -> str:
    """The shop's ``….myshopify.com`` domain, "" where neither the (signed) body nor the header names a sound one."""
    for host in (text_at(payload, "myshopify_domain"), text_at(payload, "shop_domain"), domain):
        name = host.lower().removesuffix(_SHOP_SUFFIX)
        if len(name) < len(host) <= 100 and name and name[0] != "-" and _HOST.issuperset(name):
            return name + _SHOP_SUFFIX
    return ""


def link_to(subject: Subject, shop: str) -> str:
    """The subject's page in the shop's admin, or the admin itself; "" where the shop is not known."""
    return f"https://{shop}/admin/{subject.path}".rstrip("/") if shop else ""


def person(data: object) -> str:
    """A person's or company's name out of a customer, checkout or address; "" where none is given."""
    return clean(" ".join(part for part in (text_at(data, "first_name"), text_at(data, "last_name")) if part), 100)


def actor_of(event_type: str, payload: Mapping[str, object]) -> str:
    """The customer's name, where the topic says that it was the customer who did it; else ""."""
    if event_type not in _BY_CUSTOMER:
        return ""
    return person(payload if event_type.startswith("customers/") else at(payload, "customer"))


def occurred_at(triggered_at: str, payload: Mapping[str, object]) -> float | None:
    """When it happened, in Unix seconds: as the header says, else as the body does, else None."""
    said = _unix(triggered_at)
    for name in _TIMES if said is None else ():
        if (said := _unix(text_at(payload, name))) is not None:
            break
    return said


def _unix(text: str) -> float | None:
    seconds = written_time(text)
    return seconds if seconds and seconds > 0 else None
