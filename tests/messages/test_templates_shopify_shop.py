"""Tests of Shopify's other messages: the catalogue, stock, customers, companies, subscriptions, apps."""

import pytest

from bridge.core.payload import map_at
from tests.messages.shopify_messages import ADMIN, CUSTOMER, sample, title, written

PRODUCT = f"{ADMIN}/products/9018273645512"
HERE, THERE = f"{ADMIN}/settings/locations/70192837465", f"{ADMIN}/settings/locations/70192837466"


@pytest.mark.parametrize(
    ("event_type", "phrases"),
    [
        (
            "products/create",
            [f"Product <{PRODUCT}|Stoneware mug> was *created*", "> Thrown by hand, dishwasher safe.", "24.00 · 26.00"],
        ),
        ("products/delete", [f"<{ADMIN}/products|A product> was deleted", "id 9018273645512"]),
        ("Product/update", [f"Product <{PRODUCT}|Stoneware mug> was updated: price of variants"]),
        ("Order/update", ["Order #1042 was updated: financial status (now paid), tags"]),
        ("Customer/update", [f"Customer <{CUSTOMER}|Ada Marsh> was updated: tags"]),
        ("Collection/update", ["|Winter table> was updated: products added"]),
        ("Location/update", [f"Location <{HERE}|Quay Street studio> was updated: active (now no)"]),
        ("Product/delete", [f"<{ADMIN}/products|A product> was deleted"]),
        ("variants/out_of_stock", [":warning: Product variant <", "|Sand> is out of stock", "`MUG-SAND`"]),
        (
            "collections/create",
            [f"Collection <{ADMIN}/collections/4083720921|Winter table> was created", "> What belongs on it."],
        ),
        ("product_listings/remove", [f"<{PRODUCT}|A product> was taken off the app's sales channel", "Open product"]),
        ("product_publications/delete", [f"<{ADMIN}/products|A product> was taken off a sales channel"]),
        ("product_feeds/full_sync_finish", ["The product feed for Ireland in English finished its full sync of 84"]),
        ("inventory_levels/update", [f"An inventory item> has *3* available at <{HERE}|a location>"]),
        (
            "inventory_transfers/ready_to_ship",
            [f"A transfer of stock> from <{HERE}|a location> to <{THERE}|another> is *ready to ship*: 40 items"],
        ),
        ("inventory_transfers/add_items", ["*has grown*: 36 items more"]),
        ("inventory_shipments/remove_items", ["*has shrunk*: 1 kind of item was taken out"]),
        ("inventory_transfers/update_item_quantities", ["• 40 became 30\n• 12 became 18"]),
        ("inventory_shipments/receive_items", ["has *arrived in part*", "• 32 accepted, 2 refused, 6 still to come"]),
        ("inventory_shipments/update_tracking", ["can be *tracked*", "*Carrier*\nAn Post", "*Expected*\n<!date"]),
        (
            "locations/deactivate",
            [f":warning: Location <{HERE}|Quay Street studio> was deactivated", "Nothing is stocked there"],
        ),
        ("customers/create", [f"*<{CUSTOMER}|Ada Marsh>* is a *new customer*"]),
        (
            "customers/purchasing_summary",
            [f"<{CUSTOMER}|A customer> has placed 4 orders so far: *€412.50*", "Open last order"],
        ),
        ("customer.tags_added", [f"<{CUSTOMER}|A customer> was tagged `wholesale` `ceramics-club`"]),
        ("customer.joined_segment", [f"*joined* <{ADMIN}/customers/segments/551029384|a segment>"]),
        (
            "customer_payment_methods/revoke",
            [f":warning: *<{CUSTOMER}|Ada Marsh>*'s Visa was *revoked*", "Subscriptions"],
        ),
        ("customers_email_marketing_consent/update", [f"<{CUSTOMER}|A customer> subscribed to e-mail", "at once"]),
        ("customers_marketing_consent/update", [f"<{CUSTOMER}|A customer> unsubscribed from SMS marketing"]),
        ("customers_whats_app_marketing_consent/update", [f"<{CUSTOMER}|A customer> subscribed to WhatsApp marketing"]),
        (
            "customers/data_request",
            [
                f"<{CUSTOMER}|A customer> asked for the data that is kept about them",
                "within 30 days",
                "*To be done by*\n<!date^1797984000^{date_short_pretty}|2026-12-23>",
                f"*Orders concerned*\n<{ADMIN}/orders/6120394857712|6120394857712>, <",
            ],
        ),
        ("customers/redact", ["must be erased", "within 30 days", "*To be done by*\n<!date"]),
        ("shop/redact", ["The shop's data must be erased", "within 30 days", "*To be done by*\n<!date"]),
        (
            "company_contact_roles/assign",
            [
                (
                    f"Contact “Buyer” of company <{ADMIN}/companies/40836|Quay Street Café> "
                    "was given the role “Ordering only”"
                ),
            ],
        ),
        (
            "subscription_contracts/cancel",
            [
                f":warning: The subscription of <{CUSTOMER}|a customer> was *cancelled*",
                "*Paid*\nevery month",
                "first order",
            ],
        ),
        ("subscription_billing_attempts/failure", [":x: A subscription payment failed", "> The card has expired"]),
        ("subscription_billing_cycles/skip", ["One payment of a subscription will be skipped", "*Expected*\n<!date"]),
        ("app/uninstalled", [":x: *<https://shop.example.com|Blue Heron Ceramics>* *uninstalled* the app"]),
        ("app/scopes_update", ["*Gained*\n`read_orders`"]),
        ("app_subscriptions/update", ["“Studio plan” is active", "*Price*\n€10.00 every 30 days", "*Cap*\n€20.00"]),
        ("app_subscriptions/approaching_capped_amount", [":warning:", "*Used*\n€18.20", "*Cap*\n€20.00"]),
        ("bulk_operations/finish", [":white_check_mark: A bulk query is done"]),
        ("themes/publish", [f"Theme <{ADMIN}/themes/1620394857|Winter 2026> is now live"]),
        ("discounts/redeemcode_added", [f"Code `WINTER10-ADA` was *added to* <{ADMIN}/discounts/778|a discount>"]),
        ("domains/destroy", [":warning:", f"Domain <{ADMIN}/settings/domains|shop.example.com> was removed"]),
        ("companies/create", ["> Pays by invoice", "*Your number for it*\n`C-118`", "Open company"]),
        ("segments/create", ["*Who is in it*\n`number_of_orders &gt; 1`"]),
        (
            "metafield_definitions/create",
            ["|Dishwasher safe> was created", "`care.dishwasher`", "*Belongs to*\nproduct"],
        ),
        ("metaobjects/create", ["|Maeve Brennan> was created", "*Type*\n`maker`"]),
        ("selling_plan_groups/create", ["• One mug, every month", "*For*\n1 product"]),
        ("reverse_deliveries/attach_deliverable", ["*Carrier*\nAn Post", "Track parcel"]),
        ("themes/update", ["*Role*\nthe live theme"]),
        ("locales/create", ["Irish was added to the shop's languages"]),
        ("markets_backup_region/update", ["The backup region of the markets is now Ireland"]),
        ("shop/update", ["Shop “Blue Heron Ceramics” has new settings"]),
        ("audit_events/admin_api_activity", ["App “Stock counter” made 2 requests to the Admin API"]),
    ],
)
def test_the_message_states(event_type: str, phrases: list[str]) -> None:
    text = written(event_type, sample(event_type))
    for phrase in phrases:
        assert phrase in text


def test_an_object_without_an_admin_page_is_not_linked() -> None:
    text = written("selling_plan_groups/create", sample("selling_plan_groups/create"))
    assert text.splitlines()[1] == "Selling plan group “A mug a month” was created"
    assert "Open in Shopify" not in text
    assert f"<{ADMIN}|example.myshopify.com>" in text


@pytest.mark.parametrize(
    ("html", "shown"),
    [
        (
            "<p>Made by <b>hand</b>.</p><p>Dishwasher &amp; oven safe</p>",
            "> Made by hand. Dishwasher &amp; oven safe\n",
        ),
        ("<ul><li>one</li><li>two</li></ul>", "> one two\n"),
        ("a &lt; b <p>&lt;!channel&gt; *loud*</p>", "> a &lt; b &lt;!channel&gt; ∗loud∗\n"),
        ("<p>" + "clay " * 500, "clay…\n"),
    ],
)
def test_a_description_loses_its_tags_and_keeps_its_gaps(html: str, shown: str) -> None:
    assert shown in written("products/create", sample("products/create") | {"body_html": html})


@pytest.mark.parametrize("html", ["", "<p></p>", "<img src=x>", None, 7, ["<p>x</p>"]])
def test_a_description_that_states_nothing_is_not_there(html: object) -> None:
    assert "\n>" not in written("products/create", sample("products/create") | {"body_html": html})


def test_a_name_with_quotes_in_it_stays_whole() -> None:
    theme = sample("themes/publish") | {"name": "The “new” one"}
    assert f"Theme <{ADMIN}/themes/1620394857|The “new” one> is now live" in written("themes/publish", theme)


def test_a_new_product_that_is_not_visible_yet_is_called_a_draft() -> None:
    assert title("products/create", sample("products/create") | {"status": "draft"}) == (
        "Product Stoneware mug was created as a draft"
    )


def test_a_product_of_one_form_is_not_called_default_title() -> None:
    variant = sample("variants/out_of_stock") | {"title": "Default Title"}
    assert title("variants/out_of_stock", variant) == ":warning: Product MUG-SAND is out of stock"
    assert title("variants/out_of_stock", variant | {"sku": None}) == ":warning: A product is out of stock"


def test_a_variant_that_can_still_be_ordered_states_it() -> None:
    variant = sample("variants/out_of_stock") | {"inventory_policy": "continue", "inventory_quantity": -3}
    text = written("variants/out_of_stock", variant)
    assert "Customers can still order it." in text
    assert "*In stock*\n-3" in text


@pytest.mark.parametrize(
    ("available", "expected"),
    [
        (12, "has *12* available"),
        (0, ":warning: <"),
        (0, "is *sold out* at"),
        (-2, "is *sold out* at <"),
        (-2, ": 2 more were sold than are there"),
        (None, "is *not tracked* at"),
        ("3", "has another stock at"),
    ],
)
def test_stock_is_shown_with_its_meaning(available: object, expected: str) -> None:
    assert expected in written("inventory_levels/update", sample("inventory_levels/update") | {"available": available})


def test_a_location_that_has_a_name_is_called_by_it() -> None:
    place = {"id": "gid://shopify/Location/70192837465", "name": "Quay Street studio"}
    text = written("inventory_transfers/cancel", sample("inventory_transfers/cancel") | {"origin": place})
    assert f"from <{HERE}|Quay Street studio> to" in text


def test_customers_that_could_not_be_merged_state_why() -> None:
    merge = sample("customers/merge") | {"status": "failed", "errors": [{"message": "Another merge is running"}]}
    text = written("customers/merge", merge)
    assert ":warning: <" in text
    assert "*Why*\nAnother merge is running" in text


def test_a_payment_method_shows_the_kind_of_card_and_no_digit_of_it() -> None:
    text = written("customer_payment_methods/create", sample("customer_payment_methods/create"))
    assert "*Valid until*\n8/2031" in text
    assert "4242" not in text
    account = {
        "instrument_type": "CustomerPaypalBillingAgreement",
        "payment_instrument": {"paypal_account_email": "a@b.c"},
    }
    text = written("customer_payment_methods/create", sample("customer_payment_methods/create") | account)
    assert f"<{CUSTOMER}|A customer>'s PayPal account was *added*" in text
    assert "a@b.c" not in text


def test_a_subscription_states_how_often_and_how_long() -> None:
    terms = {"interval": "week", "interval_count": 4, "min_cycles": 1, "max_cycles": 12}
    text = written("subscription_contracts/update", sample("subscription_contracts/update") | {"billing_policy": terms})
    assert "*Now*\nactive" in text
    assert "*Paid*\nevery 4 weeks" in text
    assert "*At least*\n1 payment\n" in text
    assert "*At most*\n12 payments\n" in text


def test_items_that_did_not_come_back_are_a_warning() -> None:
    ends = {"dispositions": [{"type": "missing", "quantity": 2}, {"type": "restocked", "quantity": 1}]}
    text = written("reverse_fulfillment_orders/dispose", ends)
    assert f":warning: <{ADMIN}/orders|Returned items: 2 missing, 1 back in stock>" in text


def test_a_feed_that_failed_is_bad_and_states_why() -> None:
    feed = sample("product_feeds/full_sync_finish") | {"fullSync": {"errorCode": "FEED_IS_GONE", "count": 3}}
    assert title("product_feeds/full_sync_finish", feed) == (
        ":x: The full sync of the product feed for Ireland in English failed: feed is gone"
    )


def test_a_domain_that_is_not_secure_yet_states_it() -> None:
    assert "*Secure (TLS)*\nnot yet" in written("domains/create", sample("domains/create") | {"ssl_enabled": False})


def test_an_app_that_is_not_paid_for_any_more_is_a_warning() -> None:
    charge = dict(map_at(sample("app_subscriptions/update"), "app_subscription")) | {"status": "FROZEN"}
    assert title("app_subscriptions/update", {"app_subscription": charge}) == (
        ":warning: App subscription “Studio plan” is frozen: the shop has not paid"
    )


def test_a_request_that_concerns_many_orders_links_ten_and_counts_the_rest() -> None:
    text = written("customers/redact", sample("customers/redact") | {"orders_to_redact": list(range(1, 26))})
    assert f"<{ADMIN}/orders/10|10> … and 15 more" in text


def test_a_next_gen_event_with_many_changes_lists_the_first_of_them() -> None:
    paths = [f"product[id: 'gid://shopify/Product/1'].field{n}" for n in range(9)] + [None, "x" * 90_000]
    body = sample("Product/update") | {"fields_changed": {"updated": paths, "added": "no", "removed": None}}
    assert title("Product/update", body).endswith(": field0, field1, field2, field3, field4 and more")
