"""Titles of everything but orders: catalogue, stock, customers, apps, the shop and its settings."""

from collections.abc import Mapping

from bridge.core.payload import clean, int_at, list_at, map_at, text_at, true_at
from bridge.sources.shopify.phrases import (
    Payload,
    Tell,
    counted,
    country,
    language,
    number_of,
    quoted,
    words,
)
from bridge.sources.shopify.subjects import person


def _stock(payload: Payload) -> str:
    available = int_at(payload, "available")
    if available is None:
        return ""
    if available <= 0:
        short = f", and {-available:,} more were sold than are there" if available < 0 else ""
        return f"An inventory item is sold out at a location{short}"
    return f"An inventory item has {available:,} available at a location"


def _variant(verb: str) -> Tell:
    def tell(payload: Payload) -> str:
        name = clean(text_at(payload, "title"), 120)
        if name and name != "Default Title":  # of a product that comes in one form only
            return f"Product variant “{name}” {verb}"
        return f"Product{quoted(payload, 'sku')} {verb}" if text_at(payload, "sku") else f"A product {verb}"

    return tell


def _tags(verb: str) -> Tell:
    def tell(payload: Payload) -> str:
        tags = ", ".join(tag for tag in list_at(payload, "tags")[:10] if isinstance(tag, str))
        return f"A customer {verb} {clean(tags, 200)}" if tags else ""

    return tell


def _consent(key: str, to: str) -> Tell:
    def tell(payload: Payload) -> str:
        said = {
            "subscribed": f"A customer subscribed to {to}",
            "unsubscribed": f"A customer unsubscribed from {to}",
            "pending": f"A customer has yet to confirm that they want {to}",
            "not_subscribed": f"A customer is not subscribed to {to}",
            "redacted": f"A customer's consent to {to} was erased",
            "invalid": f"A customer's address for {to} does not work",
        }
        return said.get(text_at(payload, key, "state").lower()) or f"A customer's consent to {to} was updated"

    return tell


def _merged(payload: Payload) -> str:
    failed = text_at(payload, "status") == "failed"
    return "Two customers could not be merged" if failed else "Two customers were merged"


def _purchases(payload: Payload) -> str:
    orders = int_at(payload, "numberOfOrders")
    return "" if orders is None else f"A customer has placed {counted(orders, 'order')} so far"


def _card(verb: str) -> Tell:
    def tell(payload: Payload) -> str:
        holder = clean(text_at(payload, "payment_instrument", "name"), 100)
        return f"The payment method of {holder or 'a customer'} {verb}"

    return tell


def _address(verb: str) -> Tell:
    def tell(payload: Payload) -> str:
        return f"A shipping address of {person(payload) or 'a customer'} {verb}"

    return tell


def _of_company(kind: str, name: str, verb: str) -> Tell:
    def tell(payload: Payload) -> str:
        company, named = quoted(payload, "company", "name"), quoted(payload, name)
        thing = f"{kind}{named}" if named else f"A {kind.lower()}"
        return thing + (f" of company{company}" if company else "") + f" {verb}"

    return tell


def _role(verb: str) -> Tell:
    def tell(payload: Payload) -> str:
        company = quoted(payload, "company_contact", "company", "name")
        role = quoted(payload, "company_contact_role", "name")
        place = quoted(payload, "company_location", "name")
        return (
            "A contact"
            + (f" of company{company}" if company else "")
            + f" {verb} {f'the role{role}' if role else 'a role'}"
            + (f" at{place}" if place else "")
        )

    return tell


def _uninstalled(payload: Payload) -> str:
    return f"{clean(text_at(payload, 'name'), 120) or 'A shop'} uninstalled the app"


_CHARGE: Mapping[str, str] = {
    "pending": "waits for the merchant's approval",
    "accepted": "was approved",
    "active": "is active",
    "declined": "was declined",
    "expired": "expired",
    "frozen": "is frozen: the shop has not paid",
    "cancelled": "was cancelled",
}


def _charge(wrapper: str, noun: str, unnamed: str) -> Tell:
    def tell(payload: Payload) -> str:
        said = _CHARGE.get(text_at(payload, wrapper, "status").lower(), "was updated")
        named = quoted(payload, wrapper, "name")
        return f"{noun}{named} {said}" if named else f"{unnamed} {said}"

    return tell


def _bulk(payload: Payload) -> str:
    kind = words(payload, "type") or "operation"
    status, error = words(payload, "status"), words(payload, "error_code")
    ended = {"completed": "is done", "canceled": "was cancelled", "failed": "failed"}.get(status, "ended")
    return f"A bulk {kind} {ended}" + (f": {error}" if error else "")


def _theme_published(payload: Payload) -> str:
    name = clean(text_at(payload, "name"), 120)
    return f"Theme “{name}” is now live" if name and not true_at(payload, "processing") else ""


def _code(verb: str) -> Tell:
    def tell(payload: Payload) -> str:
        code = clean(text_at(payload, "redeem_code", "code"), 100)
        return f"Code {code} {verb} a discount" if code else f"A code {verb} a discount"

    return tell


def _locale(verb: str) -> Tell:
    def tell(payload: Payload) -> str:
        name = language(text_at(payload, "locale"))
        return f"{name} {verb} the shop's languages" if name else f"A language {verb} the shop's languages"

    return tell


def _locale_updated(payload: Payload) -> str:
    name = language(text_at(payload, "locale")) or "A language"
    if "published" not in payload:
        return f"{name} was changed in the shop's languages"
    return f"{name} is {'now shown' if true_at(payload, 'published') else 'not shown'} in the shop"


def _backup_region(payload: Payload) -> str:
    code = text_at(payload, "code")
    return f"The backup region of the markets is now {country(code)}" if code else ""


def _feed(payload: Payload) -> str:
    """Return `The product feed for Ireland in English`."""
    feed = map_at(payload, "productFeed") or payload
    place, tongue = country(text_at(feed, "country")), language(text_at(feed, "language").lower())
    return "The product feed" + (f" for {place}" if place else "") + (f" in {tongue}" if tongue else "")


def _feed_was(verb: str) -> Tell:
    return lambda payload: f"{_feed(payload)} {verb}"


def _feed_synced(payload: Payload) -> str:
    thing = f"product{quoted(payload, 'product', 'title')}" if quoted(payload, "product", "title") else "a product"
    said = {"CREATE": "was created", "UPDATE": "was updated", "DELETE": "was deleted"}
    done = said.get(text_at(payload, "metadata", "action"), "changed")
    return f"{_feed(payload)} reports that {thing} {done}"


def _feed_filled(payload: Payload) -> str:
    title = quoted(payload, "product", "title")
    return f"{_feed(payload)} sent {f'product{title}' if title else 'a product'} in its full sync"


def _feed_finished(payload: Payload) -> str:
    count, error = int_at(payload, "fullSync", "count"), words(payload, "fullSync", "errorCode")
    if error:
        return f"The full sync of {_feed(payload).replace('The', 'the', 1)} failed: {error}"
    return f"{_feed(payload)} finished its full sync" + ("" if count is None else f" of {counted(count, 'product')}")


def _published(noun: str) -> Tell:
    def tell(payload: Payload) -> str:
        if "published" not in payload:
            return ""
        return f"A {noun} is {'now' if true_at(payload, 'published') else 'no longer'} published on a sales channel"

    return tell


def _activity(payload: Payload) -> str:
    entries = number_of(payload, "events")
    app = clean(text_at(payload, "events", 0, "event", "actor", "actor_metadata", "app_name"), 80)
    if not entries:
        return ""
    return f"{f'App “{app}”' if app else 'An app'} made {counted(entries, 'request')} to the Admin API"


def _promise(payload: Payload) -> str:
    days = text_at(payload, "processing_time").removeprefix("P").removesuffix("D")
    said = "The delivery promise settings were changed"
    return f"{said}: orders take {counted(int(days), 'day')} to process" if days.isdecimal() and len(days) < 4 else said


TELL: Mapping[str, Tell] = {
    "inventory_levels/update": _stock,
    "variants/in_stock": _variant("is back in stock"),
    "variants/out_of_stock": _variant("is out of stock"),
    "product_publications/update": _published("product"),
    "collection_publications/update": _published("collection"),
    "product_feeds/create": _feed_was("was created"),
    "product_feeds/update": _feed_was("was updated"),
    "product_feeds/full_sync": _feed_filled,
    "product_feeds/incremental_sync": _feed_synced,
    "product_feeds/full_sync_finish": _feed_finished,
    "customer.tags_added": _tags("was tagged"),
    "customer.tags_removed": _tags("is no longer tagged"),
    "customers/merge": _merged,
    "customers/purchasing_summary": _purchases,
    "customers_email_marketing_consent/update": _consent("email_marketing_consent", "e-mail marketing"),
    "customers_marketing_consent/update": _consent("sms_marketing_consent", "SMS marketing"),
    "customers_whats_app_marketing_consent/update": _consent("whats_app_marketing_consent", "WhatsApp marketing"),
    "customer_payment_methods/create": _card("was added"),
    "customer_payment_methods/update": _card("was updated"),
    "customer_payment_methods/revoke": _card("was revoked"),
    "shipping_addresses/create": _address("was added"),
    "shipping_addresses/update": _address("was updated"),
    "company_contacts/create": _of_company("Contact", "title", "was added"),
    "company_contacts/update": _of_company("Contact", "title", "was updated"),
    "company_contacts/delete": _of_company("Contact", "title", "was removed"),
    "company_locations/create": _of_company("Location", "name", "was added"),
    "company_locations/update": _of_company("Location", "name", "was updated"),
    "company_locations/delete": _of_company("Location", "name", "was removed"),
    "company_contact_roles/assign": _role("was given"),
    "company_contact_roles/revoke": _role("no longer has"),
    "app/uninstalled": _uninstalled,
    "app_subscriptions/update": _charge("app_subscription", "App subscription", "An app subscription"),
    "app_purchases_one_time/update": _charge("app_purchase_one_time", "One-time purchase", "A one-time purchase"),
    "bulk_operations/finish": _bulk,
    "themes/publish": _theme_published,
    "discounts/redeemcode_added": _code("was added to"),
    "discounts/redeemcode_removed": _code("was removed from"),
    "locales/create": _locale("was added to"),
    "locales/destroy": _locale("was removed from"),
    "locales/update": _locale_updated,
    "markets_backup_region/update": _backup_region,
    "delivery_promise_settings/update": _promise,
    "audit_events/admin_api_activity": _activity,
}
