"""Tests that every topic of Shopify has a sample, a title in natural words, and a fitting message.

Source: the topics of Shopify's webhooks reference, https://shopify.dev/docs/api/webhooks (2026-01 to 2026-07), the
three compliance topics, and Next-Gen Events, https://shopify.dev/docs/api/events.
"""

import re
from collections.abc import Iterator

import pytest

from bridge.samples import sample_event
from tests.messages.rendering import render
from tests.messages.shopify_messages import NOW, SAMPLES, sample, templates, title
from tests.walks import for_each

TOPICS = """
orders/ create updated paid partially_fulfilled fulfilled cancelled edited delete link_requested
    risk_assessment_changed shopify_protect_eligibility_changed
order_transactions/ create
refunds/ create
returns/ request approve decline cancel close reopen process update
draft_orders/ create update delete
tender_transactions/ create
disputes/ create update
payment_terms/ create update delete
payment_schedules/ due
checkouts/ create update delete
carts/ create update
fulfillments/ create update
fulfillment_events/ create delete
fulfillment_holds/ added released
fulfillment_orders/ cancellation_request_submitted cancellation_request_accepted cancellation_request_rejected
    cancelled fulfillment_request_submitted fulfillment_request_accepted fulfillment_request_rejected
    fulfillment_service_failed_to_complete hold_released line_items_prepared_for_local_delivery
    line_items_prepared_for_pickup merged moved order_routing_complete placed_on_hold rescheduled
    scheduled_fulfillment_order_ready split progress_reported manually_reported_progress_stopped
reverse_deliveries/ attach_deliverable
reverse_fulfillment_orders/ dispose
products/ create update delete
variants/ in_stock out_of_stock
collections/ create update delete
collection_listings/ add remove update
product_listings/ add remove update
scheduled_product_listings/ add remove update
collection_publications/ create update delete
product_publications/ create update delete
product_feeds/ create update full_sync full_sync_finish incremental_sync
publications/ delete
channels/ delete
inventory_items/ create update delete
inventory_levels/ connect disconnect update
inventory_shipments/ add_items create delete mark_in_transit receive_items remove_items update_item_quantities
    update_tracking
inventory_transfers/ add_items cancel complete ready_to_ship remove_items update_item_quantities updated
locations/ activate deactivate create update delete
customers/ create update delete enable disable merge purchasing_summary data_request redact
customer_groups/ create update delete
customer_payment_methods/ create revoke update
customers_email_marketing_consent/ update
customers_marketing_consent/ update
customers_whats_app_marketing_consent/ update
customer_account_settings/ update
segments/ create update delete
companies/ create update delete
company_locations/ create update delete
company_contacts/ create update delete
company_contact_roles/ assign revoke
subscription_contracts/ create update activate pause cancel expire fail
subscription_billing_attempts/ success failure challenged
subscription_billing_cycles/ skip unskip
subscription_billing_cycle_edits/ create update delete
selling_plan_groups/ create update delete
app/ uninstalled scopes_update
app_subscriptions/ update approaching_capped_amount
app_purchases_one_time/ update
shop/ update redact
themes/ create update delete publish
domains/ create update destroy
locales/ create update destroy
markets/ create update delete
markets_backup_region/ update
metafield_definitions/ create update delete
metaobjects/ create update delete
discounts/ create update delete redeemcode_added redeemcode_removed
profiles/ create update delete
shipping_addresses/ create update
delivery_promise_settings/ update
bulk_operations/ finish
audit_events/ admin_api_activity
attributed_sessions/ first last
tax_partners/ update
tax_services/ create update
tax_summaries/ create
checkout_and_accounts_configurations/ update
finance_app_staff_member/ grant revoke delete update
finance_kyc_information/ update
customer. tags_added tags_removed joined_segment left_segment
Product/ create update delete
Order/ update
Customer/ update
Collection/ update
Location/ update
"""


def _topics() -> Iterator[str]:
    """Return `orders/create`, `orders/updated`, …: a word with a final `/` or `.` is a group before its actions."""
    group = ""
    for word in TOPICS.split():
        if word.endswith(("/", ".")):
            group = word
        else:
            yield group + word


ALL = list(_topics())


BY_DEFAULT = """
attributed_sessions channels checkout_and_accounts_configurations customer_account_settings
finance_app_staff_member finance_kyc_information profiles publications shop
tax_partners tax_services tax_summaries Order Customer Collection Location
"""
"""Groups whose title is complete, so that the default template serves them."""

KNOWN = {one.type: one for one in SAMPLES}


def test_the_table_names_each_topic_once() -> None:
    assert len(ALL) == len(set(ALL)) == 234


def test_each_topic_has_a_sample_and_each_sample_is_of_a_topic() -> None:
    assert set(ALL) == set(KNOWN)


@pytest.mark.thorough
@for_each(ALL)
def test_the_title_is_a_sentence_that_a_person_would_write(topic: str) -> None:
    for sentence in (title(topic, sample(topic)), title(topic, {})):
        plain = re.sub(r"^:\w+: ", "", sentence)
        assert re.match(r"[A-Z“€]", plain), plain
        assert len(plain.split()) >= 3, plain
        assert topic not in plain
        assert not re.search(
            r"had an event|_|gid:|\b\d{6,}\b|\b[A-Z]{4,}\b", re.sub(r"“.*?”|WINTER10\S*|MUG-\w+", "", plain)
        ), plain


@pytest.mark.thorough
@for_each(ALL)
def test_the_message_comes_from_a_template_that_fits(topic: str) -> None:
    group = re.split(r"[/.]", topic)[0]
    used = render(sample_event(KNOWN[topic], "shopify", NOW), templates()).template
    if group in BY_DEFAULT.split() and topic != "shop/redact":
        assert used == "shopify/default.j2"
    else:
        assert used.startswith(f"shopify/{group}."), used


@pytest.mark.thorough
def test_no_two_topics_of_a_group_state_the_same() -> None:
    seen: dict[tuple[str, str], str] = {}
    for topic in ALL:
        found = (re.split(r"[/.]", topic)[0], title(topic, sample(topic)))
        assert found not in seen, f"{topic} and {seen[found]} both say: {found[1]}"
        seen[found] = topic
