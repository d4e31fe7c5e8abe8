"""The subject of a delivery, its actor and its time."""

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from bridge.core.payload import at, clean, text_at
from bridge.core.times import written_time
from bridge.sources.shopify.admin_pages import GLOBAL_ID_PREFIX, Payload, admin_path

_Path = tuple[str, ...]

_ORDER_PATHS: tuple[_Path, ...] = (("order_id",), ("order", "id"), ("admin_graphql_api_order_id",))

# Topic groups with an id outside `admin_graphql_api_id` and `id`, or with another subject than the group's name: the
# subject of a refund is its order.
_SUBJECT_PATHS: Mapping[str, tuple[str, tuple[_Path, ...]]] = {
    "orders": ("Order", (("order_edit", "order_id"), *_ORDER_PATHS, ("id",), ("admin_graphql_api_id",))),
    "order_transactions": ("Order", _ORDER_PATHS),
    "tender_transactions": ("Order", _ORDER_PATHS),
    "refunds": ("Order", _ORDER_PATHS),
    "disputes": ("Order", _ORDER_PATHS),
    "fulfillments": ("Order", _ORDER_PATHS),
    "fulfillment_events": ("Order", _ORDER_PATHS),
    "returns": ("Order", (*_ORDER_PATHS, ("admin_graphql_api_id",))),
    "reverse_deliveries": ("Return", (("return", "id"),)),
    "payment_terms": ("PaymentTerms", (("id",),)),
    "payment_schedules": ("PaymentTerms", (("payment_terms_id",),)),
    "attributed_sessions": ("Order", _ORDER_PATHS),
    "tax_summaries": ("Order", _ORDER_PATHS),
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

_OWN_IDS = ("admin_graphql_api_id", "id")
_OWN_ID_PATHS: tuple[_Path, ...] = tuple((name,) for name in _OWN_IDS)

_ONCE = frozenset({"create", "delete", "destroy"})

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

# Topics that name the acting customer. Shopify sends no staff names.
_CUSTOMER_TOPICS = frozenset(
    {
        "checkouts/create",
        "checkouts/update",
        "customers/create",
        "orders/create",
        "orders/link_requested",
        "orders/paid",
    }
)

_TIME_FIELDS = ("updated_at", "happened_at", "occurredAt", "occurred_at", "committed_at", "completed_at", "created_at")


class Subject(NamedTuple):
    """Subject of a delivery.

    ``text`` is ``Kind/id`` as in Shopify's global ids (or the topic group, if the body has no id), at most 200
    characters. ``path`` is the page below ``/admin/``, or "".
    """

    text: str
    path: str


def group_of(event_type: str) -> str:
    """Return the part of a topic before its action: ``orders/create`` -> ``orders``, ``customer.x`` -> ``customer``."""
    return _parts(event_type)[0]


def action_of(event_type: str) -> str:
    """Return the part of a topic after its group, or ""."""
    return _parts(event_type)[2]


@lru_cache(maxsize=1_000)
def _parts(event_type: str) -> tuple[str, str, str]:
    return event_type.replace(".", "/", 1).partition("/")


def subject_of(event_type: str, payload: Payload, resource_id: str) -> Subject:
    """Return the subject of a delivery. ``resource_id``, a Next-Gen header, is used if the body has no id."""
    group, _, action = _parts(event_type)
    kind, paths = _kind_and_paths(group)
    for path in paths:
        if object_id := clean(text_at(payload, *path), 200):
            is_own_id = action in ("delete", "destroy") and (group[:1].isupper() or path[-1] in _OWN_IDS)
            return _subject(kind or group, object_id, payload, is_own_id)
    if resource_id:
        return _subject(kind or group, resource_id, payload, False)
    return Subject(group or event_type, admin_path(kind, "", payload, False))


@lru_cache(maxsize=1_000)
def _kind_and_paths(group: str) -> tuple[str, tuple[_Path, ...]]:
    """Return the kind in the global ids of a group's things, and the paths to the id. Next-Gen groups are kinds."""
    if group[:1].isupper():
        return group, (("query_variables", group[:1].lower() + group[1:] + "Id"),)
    return _SUBJECT_PATHS.get(group) or (_KIND_OF_GROUP.get(group, ""), _OWN_ID_PATHS)


def _subject(kind: str, object_id: str, payload: Payload, gone: bool) -> Subject:
    if object_id.startswith(GLOBAL_ID_PREFIX):
        kind, _, object_id = object_id.removeprefix(GLOBAL_ID_PREFIX).partition("?")[0].partition("/")
        kind = kind.removeprefix("PaymentsPaymentFlexibilityPaymentTerms")  # before `PaymentTerms` and its parts
    return Subject(clean(f"{kind}/{object_id}", 200), admin_path(kind, object_id, payload, gone))


def created_or_deleted(event_type: str, payload: Payload) -> str:
    """Return the id of the thing itself (of the parcel, not of its order), if this happens to it only once; else "".

    So two subscriptions to a topic, which may send different fields, tell of one creation once.
    """
    if action_of(event_type) not in _ONCE:
        return ""
    own = text_at(payload, "id") or text_at(payload, "admin_graphql_api_id")
    return own.rpartition("/")[2]  # a global id ends in the same number


def person(data: object) -> str:
    """Return the name of a customer, checkout or address: the person's, else the company's; or ""."""
    name = " ".join(part for part in (text_at(data, "first_name"), text_at(data, "last_name")) if part)
    return clean(name or text_at(data, "company") or text_at(data, "default_address", "company"), 100)


def actor_of(event_type: str, payload: Payload) -> str:
    """Return the customer's name, if the topic means that the customer acted; else ""."""
    if event_type not in _CUSTOMER_TOPICS:
        return ""
    return person(payload if event_type.startswith("customers/") else at(payload, "customer"))


def occurred_at(triggered_at: str, payload: Payload) -> float | None:
    """Return the time of the event in Unix seconds, from the header, else from the body, else None."""
    seconds = _unix(triggered_at)
    for name in _TIME_FIELDS if seconds is None else ():
        if (seconds := _unix(text_at(payload, name))) is not None:
            break
    return seconds


def _unix(text: str) -> float | None:
    seconds = written_time(text)
    return seconds if seconds and seconds > 0 else None
