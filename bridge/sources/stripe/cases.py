"""Variants of a type: states of the object, or changes in it, with sentences of their own."""

from collections.abc import Callable, Mapping

from bridge.core.payload import at, int_at, list_at, text_at, true_at
from bridge.sources.stripe.parts import Told, plan_of, price_of


def case_of(told: Told) -> str:
    """Return the variant of an event's type, as written behind the `:` of a phrase, or "" for the ordinary one."""
    tell = _CASES.get(told.type)
    return tell(told) if tell else ""


def _charge_succeeded(told: Told) -> str:
    return "uncaptured" if at(told.resource, "captured") is False else ""


def _charge_refunded(told: Told) -> str:
    back, paid = int_at(told.resource, "amount_refunded"), int_at(told.resource, "amount")
    return "partly" if back is not None and paid is not None and back < paid else ""


def _dispute_created(told: Told) -> str:
    return "inquiry" if text_at(told.resource, "status").startswith("warning_") else ""


def _status(told: Told) -> str:
    return text_at(told.resource, "status")


def _checkout_completed(told: Told) -> str:
    mode = text_at(told.resource, "mode")
    if mode == "setup":
        return "setup"
    if text_at(told.resource, "payment_status") == "unpaid":
        return "unpaid"
    return "subscription" if mode == "subscription" else text_at(told.resource, "payment_status")


def _invoice_paid(told: Told) -> str:
    return "nothing" if int_at(told.resource, "amount_paid") == 0 else ""


def _subscription_updated(told: Told) -> str:
    """Return the one change that matters most, out of all changes in the event."""
    before, now = told.previous, told.resource
    if text_at(before, "status"):
        return "status"
    if at(before, "cancel_at_period_end") is False and true_at(now, "cancel_at_period_end"):
        return "canceling"
    if "cancel_at" in before and at(before, "cancel_at") is None and int_at(now, "cancel_at"):
        return "canceling"
    if true_at(before, "cancel_at_period_end") and at(now, "cancel_at_period_end") is False:
        return "kept"
    if plan_of(before) and plan_of(before) != plan_of(now):
        return "plan"
    if price_of(before) and price_of(before) != price_of(now):
        return "price"
    if "current_period_end" in before or _period_moved(told):
        return "renewed"
    return ""


def _period_moved(told: Told) -> bool:
    path = ("items", "data", 0, "current_period_end")
    return bool(list_at(told.previous, "items", "data")) and int_at(told.previous, *path) != int_at(
        told.resource, *path
    )


def _account_updated(told: Told) -> str:
    before, now = told.previous, told.resource
    for flag, yes, no in (
        ("charges_enabled", "enabled", "disabled"),
        ("payouts_enabled", "payouts_enabled", "payouts_disabled"),
    ):
        if flag in before:
            return yes if true_at(now, flag) else no
    return "due" if "requirements" in before and list_at(now, "requirements", "currently_due") else ""


def _status_changed(told: Told) -> str:
    return "status" if text_at(told.previous, "status") else ""


def _authorization_updated(told: Told) -> str:
    return text_at(told.resource, "status") if text_at(told.previous, "status") else ""


def _kind(told: Told) -> str:
    return text_at(told.resource, "type")


def _credit_moved(told: Told) -> str:
    return text_at(told.resource, "credit", "type") or text_at(told.resource, "debit", "type")


def _transfer_reversed(told: Told) -> str:
    return "partly" if at(told.resource, "reversed") is False else ""


_CASES: Mapping[str, Callable[[Told], str]] = {
    "charge.succeeded": _charge_succeeded,
    "charge.refunded": _charge_refunded,
    "charge.dispute.created": _dispute_created,
    "charge.dispute.closed": _status,
    "charge.refund.updated": _status,
    "refund.created": _status,
    "checkout.session.completed": _checkout_completed,
    "invoice.paid": _invoice_paid,
    "customer.subscription.created": _status,
    "customer.subscription.updated": _subscription_updated,
    "account.updated": _account_updated,
    "transfer.reversed": _transfer_reversed,
    "application_fee.refunded": _charge_refunded,
    "billing.credit_balance_transaction.created": _credit_moved,
    "customer_cash_balance_transaction.created": _kind,
    "issuing_authorization.updated": _authorization_updated,
    "issuing_card.updated": _status_changed,
    "issuing_cardholder.updated": _status_changed,
    "issuing_dispute.closed": _status,
    "issuing_token.updated": _status_changed,
    "issuing_transaction.created": _kind,
    "tax.settings.updated": _status_changed,
}
