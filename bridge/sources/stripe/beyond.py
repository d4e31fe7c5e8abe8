"""Sentences for Stripe events beyond payments (Issuing, Treasury, Climate, Identity, Terminal…), and their parts.

Written as in ``phrases.py``.
"""

from collections.abc import Callable, Mapping

from bridge.core.money import format_minor
from bridge.core.payload import at, clean, int_at, list_at, map_at, text_at
from bridge.sources.stripe.parts import Told, words

PHRASES = {
    # Usage and credit
    "billing.alert.triggered": "Usage alert[ “{alert}”] was triggered[ at {value}]",
    "billing.credit_balance_transaction.created": "{credit} moved",
    "billing.credit_balance_transaction.created:credits_granted": "{credit} was added",
    "billing.credit_balance_transaction.created:credits_application_invoice_voided": "{credit} came back from "
    "a voided invoice",
    "billing.credit_balance_transaction.created:credits_applied": "{credit} was spent on an invoice",
    "billing.credit_balance_transaction.created:credits_expired": "{credit} expired",
    "billing.credit_balance_transaction.created:credits_voided": "{credit} was voided",
    "billing.credit_grant.created": "Billing credit[ of {grant}] was granted[: “{name}”]",
    "billing.credit_grant.updated": "Billing credit[ “{name}”][ of {grant}] was updated",
    "billing.meter.created": "New usage meter[ “{display_name}”]",
    "billing.meter.updated": "Usage meter[ “{display_name}”] was updated",
    "billing.meter.deactivated": "Usage meter[ “{display_name}”] was deactivated",
    "billing.meter.reactivated": "Usage meter[ “{display_name}”] was activated again",
    "billing_portal.configuration.created": "New configuration of the customer portal[ “{name}”]",
    "billing_portal.configuration.updated": "Configuration of the customer portal[ “{name}”] was updated",
    "billing_portal.session.created": "Customer portal was opened for a customer",
    "cash_balance.funds_available": "[{cash} of a customer's|A customer's] cash balance can be used",
    "customer_cash_balance_transaction.created": "[{cash_moved} of a|A] customer's cash balance moved",
    "customer_cash_balance_transaction.created:funded": "[{cash_moved}|Money] came into a customer's cash balance"
    "[ from {sender}]",
    "customer_cash_balance_transaction.created:funding_reversed": "[{cash_moved} was|Money was] taken back out of a "
    "customer's cash balance",
    "customer_cash_balance_transaction.created:applied_to_payment": "[{cash_moved} of a|A] customer's cash balance "
    "paid for a payment",
    "customer_cash_balance_transaction.created:unapplied_from_payment": "[{cash_moved} came|Money came] back from a "
    "payment into a customer's cash balance",
    "customer_cash_balance_transaction.created:refunded_from_payment": "[{cash_moved} was|Money was] refunded into a "
    "customer's cash balance",
    "customer_cash_balance_transaction.created:return_initiated": "[{cash_moved} of a|A] customer's cash balance is "
    "on its way back to them",
    "customer_cash_balance_transaction.created:return_canceled": "[{cash_moved} could|Money could] not be sent back, "
    "and is in a customer's cash balance again",
    "customer_cash_balance_transaction.created:transferred_to_balance": "[{cash_moved} of a|A] customer's cash "
    "balance was moved to your balance",
    "entitlements.active_entitlement_summary.updated": "Features of a customer were updated",
    # Issuing
    "issuing_authorization.created": "Card payment[ of {amount}][ by {who}][ at {merchant}] was {approval}",
    "issuing_authorization.request": "Card payment[ of {asked}][ by {who}][ at {merchant}] asks for approval",
    "issuing_authorization.updated": "Card payment[ of {amount}][ by {who}][ at {merchant}] was updated",
    "issuing_authorization.updated:closed": "Card payment[ of {amount}][ by {who}][ at {merchant}] went through",
    "issuing_authorization.updated:reversed": "Card payment[ of {amount}][ by {who}][ at {merchant}] was reversed",
    "issuing_authorization.updated:expired": "Card payment[ of {amount}][ by {who}][ at {merchant}] expired",
    "issuing_card.created": "Card[ {card}] was issued[ to {who}]",
    "issuing_card.updated": "Card[ {card}][ of {who}] was updated",
    "issuing_card.updated:status": "Card[ {card}][ of {who}] is {status} now[: {cancellation}]",
    "issuing_cardholder.created": "New cardholder[ {who}]",
    "issuing_cardholder.updated": "Cardholder[ {who}] was updated",
    "issuing_cardholder.updated:status": "Cardholder[ {who}] is {status} now[: {disabled}]",
    "issuing_dispute.created": "Dispute[ over {amount}] of a card payment was drafted[: {evidence}]",
    "issuing_dispute.submitted": "Dispute[ over {amount}] of a card payment was submitted[: {evidence}]",
    "issuing_dispute.updated": "Dispute[ over {amount}] of a card payment was updated",
    "issuing_dispute.closed": "Dispute[ over {amount}] of a card payment was closed",
    "issuing_dispute.closed:won": "Dispute[ over {amount}] of a card payment was won",
    "issuing_dispute.closed:lost": "Dispute[ over {amount}] of a card payment was lost[: {loss}]",
    "issuing_dispute.closed:expired": "Dispute[ over {amount}] of a card payment expired before it was submitted",
    "issuing_dispute.funds_reinstated": "[{amount} came|Money came] back after the dispute of a card payment",
    "issuing_dispute.funds_rescinded": "[{amount} was|Money was] taken back after the dispute of a card payment",
    "issuing_personalization_design.activated": "Card design[ “{name}”] can be used",
    "issuing_personalization_design.deactivated": "Card design[ “{name}”] was deactivated",
    "issuing_personalization_design.rejected": "Card design[ “{name}”] was rejected[: {rejected}]",
    "issuing_personalization_design.updated": "Card design[ “{name}”] was updated",
    "issuing_token.created": "Issued card was added to [{wallet}|a wallet]",
    "issuing_token.updated": "Issued card in [{wallet}|a wallet] was updated",
    "issuing_token.updated:status": "Issued card in [{wallet}|a wallet] is {status} now",
    "issuing_transaction.created": "Card payment[ of {spent}][ at {merchant}] was booked",
    "issuing_transaction.created:refund": "Refund[ of {spent}][ from {merchant}] to an issued card was booked",
    "issuing_transaction.updated": "Card payment[ of {spent}][ at {merchant}] was updated",
    "issuing_transaction.purchase_details_receipt_updated": "Receipt of a card payment[ of {spent}][ at {merchant}] "
    "arrived",
    # Treasury
    "treasury.credit_reversal.created": "[{amount} that|Money that] had come in is being sent back",
    "treasury.credit_reversal.posted": "[{amount} that|Money that] had come in was sent back",
    "treasury.debit_reversal.created": "Reversal of a debit[ of {amount}] was started",
    "treasury.debit_reversal.completed": "Reversal of a debit[ of {amount}] is done",
    "treasury.debit_reversal.initial_credit_granted": "Reversal of a debit[ of {amount}] was credited for now",
    "treasury.financial_account.created": "New financial account[ “{nickname}”]",
    "treasury.financial_account.closed": "Financial account[ “{nickname}”] was closed[: {closed}]",
    "treasury.financial_account.features_status_updated": "Features of financial account[ “{nickname}”] changed",
    "treasury.inbound_transfer.created": "Inbound transfer[ of {amount}][ from {other_side}] was started",
    "treasury.inbound_transfer.succeeded": "Inbound transfer[ of {amount}][ from {other_side}] arrived",
    "treasury.inbound_transfer.failed": "Inbound transfer[ of {amount}][ from {other_side}] failed[: {returned}]",
    "treasury.inbound_transfer.canceled": "Inbound transfer[ of {amount}][ from {other_side}] was canceled",
    "treasury.outbound_payment.created": "Outbound payment[ of {amount}][ to {other_side}] was started",
    "treasury.outbound_payment.posted": "Outbound payment[ of {amount}][ to {other_side}] was sent",
    "treasury.outbound_payment.failed": "Outbound payment[ of {amount}][ to {other_side}] failed",
    "treasury.outbound_payment.canceled": "Outbound payment[ of {amount}][ to {other_side}] was canceled",
    "treasury.outbound_payment.returned": "Outbound payment[ of {amount}][ to {other_side}] came back[: {returned}]",
    "treasury.outbound_payment.expected_arrival_date_updated": "Outbound payment[ of {amount}][ to {other_side}] "
    "has a new date of arrival",
    "treasury.outbound_payment.tracking_details_updated": "Outbound payment[ of {amount}][ to {other_side}] can be "
    "tracked",
    "treasury.outbound_transfer.created": "Outbound transfer[ of {amount}][ to {other_side}] was started",
    "treasury.outbound_transfer.posted": "Outbound transfer[ of {amount}][ to {other_side}] was sent",
    "treasury.outbound_transfer.failed": "Outbound transfer[ of {amount}][ to {other_side}] failed",
    "treasury.outbound_transfer.canceled": "Outbound transfer[ of {amount}][ to {other_side}] was canceled",
    "treasury.outbound_transfer.returned": "Outbound transfer[ of {amount}][ to {other_side}] came back[: {returned}]",
    "treasury.outbound_transfer.expected_arrival_date_updated": "Outbound transfer[ of {amount}][ to {other_side}] "
    "has a new date of arrival",
    "treasury.outbound_transfer.tracking_details_updated": "Outbound transfer[ of {amount}][ to {other_side}] can be "
    "tracked",
    "treasury.received_credit.created": "[{amount} came|Money came] into a financial account[ from {other_side}]",
    "treasury.received_credit.succeeded": "[{amount} came|Money came] into a financial account[ from {other_side}]",
    "treasury.received_credit.failed": "[{amount}|Money][ from {other_side}] could not be received[: {returned}]",
    "treasury.received_debit.created": "[{amount} was|Money was] taken from a financial account[ by {other_side}]",
    # Bank accounts that were linked
    "financial_connections.account.created": "Bank account[ at {bank}] was linked",
    "financial_connections.account.deactivated": "Linked bank account[ at {bank}] was deactivated",
    "financial_connections.account.disconnected": "Linked bank account[ at {bank}] was disconnected",
    "financial_connections.account.reactivated": "Linked bank account[ at {bank}] is active again",
    "financial_connections.account.refreshed_balance": "Balance of a linked bank account[ at {bank}] was read anew",
    "financial_connections.account.refreshed_ownership": "Owner of a linked bank account[ at {bank}] was read anew",
    "financial_connections.account.refreshed_transactions": "Transactions of a linked bank account[ at {bank}] were "
    "read anew",
    "financial_connections.account.account_numbers_updated": "Account number of a linked bank account[ at {bank}] was "
    "updated",
    "financial_connections.account.supported_payment_method_types_updated": "Ways to pay from a linked bank account"
    "[ at {bank}] were updated",
    "financial_connections.account.upcoming_account_number_expiry": "Account number of a linked bank account"
    "[ at {bank}] will expire",
    "financial_connections.account.upcoming_deactivation": "Linked bank account[ at {bank}] will be deactivated",
    "financial_connections.account.expected_deactivation_date_updated": "Linked bank account[ at {bank}] will be "
    "deactivated at another time",
    "financial_connections.authorization.upcoming_deactivation": "Link to [{institution}|a bank] will be deactivated",
    "financial_connections.authorization.expected_deactivation_date_updated": "Link to [{institution}|a bank] will be "
    "deactivated at another time",
    # Identity, and card ownership checks
    "identity.verification_session.created": "Identity check was started",
    "identity.verification_session.processing": "Identity check is processing",
    "identity.verification_session.verified": "Identity was verified",
    "identity.verification_session.requires_input": "Identity check needs another try[: {failure}]",
    "identity.verification_session.canceled": "Identity check was canceled",
    "identity.verification_session.redacted": "Data of an identity check was deleted",
    "three_d_secure.authentication.requires_submission": "3-D Secure check of a payment[ of {amount}] was started",
    "three_d_secure.authentication.requires_challenge": "3-D Secure check of a payment[ of {amount}] needs the "
    "cardholder",
    "three_d_secure.authentication.challenge_started": "3-D Secure check of a payment[ of {amount}] asked the "
    "cardholder",
    "three_d_secure.authentication.succeeded": "3-D Secure check of a payment[ of {amount}] succeeded",
    "three_d_secure.authentication.failed": "3-D Secure check of a payment[ of {amount}] failed[: {outcome}]",
    "three_d_secure.authentication.errored": "3-D Secure check of a payment[ of {amount}] broke off[: {outcome}]",
    "three_d_secure.authentication.canceled": "3-D Secure check of a payment[ of {amount}] was canceled",
    # Reserves
    "reserve.hold.created": "[{amount} was|Money was] put into reserve",
    "reserve.hold.updated": "Reserve[ of {amount}] was updated",
    "reserve.plan.created": "[{percent} of each payment|A part of each payment] goes into reserve",
    "reserve.plan.updated": "Reserve plan was updated[: {percent} of each payment]",
    "reserve.plan.disabled": "Reserve plan[ of {percent} of each payment] was disabled",
    "reserve.plan.expired": "Reserve plan[ of {percent} of each payment] expired",
    "reserve.release.created": "[{amount} was|Money was] released from reserve[: {reason}]",
    # Climate
    "climate.order.created": "Order[ of {tons}][ for {total}] was placed",
    "climate.order.canceled": "Order[ of {tons}][ for {total}] was canceled[: {cancellation}]",
    "climate.order.delayed": "Order[ of {tons}][ for {total}] is delayed",
    "climate.order.delivered": "Order[ of {tons}][ for {total}] was delivered",
    "climate.order.product_substituted": "Order[ of {tons}][ for {total}] gets another product",
    "climate.product.created": "New carbon removal to order[: “{name}”]",
    "climate.product.pricing_updated": "Price of carbon removal[ “{name}”] was updated",
    # Shops, reports, and the rest
    "apps.install.created": "App[ {app}] was installed",
    "apps.install.updated": "App[ {app}] was updated",
    "apps.install.deleted": "App[ {app}] was removed",
    "balance_settings.updated": "Settings of the balance and its payouts were updated",
    "file.created": "File[ {filename}] was created",
    "reporting.report_run.succeeded": "Report[ “{report}”] is ready",
    "reporting.report_run.failed": "Report[ “{report}”] failed[: {error}]",
    "reporting.report_type.updated": "New data for report[ “{name}”] is there",
    "sigma.scheduled_query_run.created": "Scheduled query[ “{title}”] ran[: {status}]",
    "source.canceled": "Payment source[ of {amount}][ from {who}] was canceled",
    "source.chargeable": "Payment source[ of {amount}][ from {who}] can be charged",
    "source.failed": "Payment source[ of {amount}][ from {who}] failed[: {redirect}]",
    "source.mandate_notification": "[{who}|A customer] has to be told of a coming debit[ of {debit}]",
    "source.refund_attributes_required": "Refund[ to {who}] needs the details of a bank account",
    "source.transaction.created": "[{amount} is|Money is] on its way to a payment source",
    "source.transaction.updated": "Transfer[ of {amount}] to a payment source[: {status}| was updated]",
    "tax.settings.updated": "Tax settings were updated",
    "tax.settings.updated:status": "Tax settings are {status} now",
    "terminal.reader.action_failed": "Card reader[ {label}] failed[ to {action}][: {failure}]",
    "terminal.reader.action_succeeded": "Card reader[ {label}] did its task[: to {action}]",
    "terminal.reader.action_updated": "Card reader[ {label}] has a new task[: to {action}]",
    "test_helpers.test_clock.created": "New test clock[ “{name}”]",
    "test_helpers.test_clock.advancing": "Test clock[ “{name}”] is moving through time",
    "test_helpers.test_clock.ready": "Test clock[ “{name}”] is ready",
    "test_helpers.test_clock.internal_failure": "Test clock[ “{name}”] failed",
    "test_helpers.test_clock.deleted": "Test clock[ “{name}”] was deleted",
}

_ACTIONS = {
    "collect_inputs": "ask the customer for input",
    "collect_payment_method": "read a card",
    "confirm_payment_intent": "confirm a payment",
    "print_content": "print",
    "process_payment_intent": "take a payment",
    "process_setup_intent": "save a card",
    "refund_payment": "refund a payment",
    "set_reader_display": "show the cart",
}
_REJECTED = {
    "geographic_location": "it shows a place",
    "inappropriate": "it is inappropriate",
    "network_name": "it names a card network",
    "non_binary_image": "the logo is not black and white",
    "non_fiat_currency": "it shows a currency that is none",
    "other_entity": "it shows another company",
    "promotional_material": "it advertises something",
}
_WALLETS = {"apple_pay": "Apple Pay", "google_pay": "Google Pay", "samsung_pay": "Samsung Pay"}


def _resource_money(*path: str, currency: tuple[str, ...] = ("currency",)) -> Callable[[Told], str]:
    return lambda told: format_minor(at(told.resource, *path), at(told.resource, *currency))


def _without_sign(amount: object) -> object:
    return abs(amount) if isinstance(amount, int) else None


def _in_cash(told: Told) -> str:
    balances = [format_minor(amount, currency) for currency, amount in map_at(told.resource, "available").items()]
    return " and ".join(balance for balance in balances[:5] if balance)


def _cash_moved(told: Told) -> str:
    return format_minor(_without_sign(at(told.resource, "net_amount")), at(told.resource, "currency"))


def _spent(told: Told) -> str:
    return format_minor(_without_sign(at(told.resource, "amount")), at(told.resource, "currency"))


def _sender(told: Told) -> str:
    transfer = map_at(told.resource, "funded", "bank_transfer")
    return clean(text_at(transfer, text_at(transfer, "type"), "sender_name"), 80)


def _credit(told: Told) -> str:
    money: Mapping[str, object] = {}
    for side in ("credit", "debit"):
        money = money or map_at(told.resource, side, "amount", "monetary")
    amount = format_minor(at(money, "value"), at(money, "currency"))
    return f"{amount} of billing credit" if amount else "Billing credit"


def _other_side(told: Told) -> str:
    """Return the other side of a transfer: a name, else the bank and the account's last digits."""
    for side in ("destination", "origin", "initiating"):
        details = map_at(told.resource, f"{side}_payment_method_details")
        if name := clean(text_at(details, "billing_details", "name"), 80):
            return name
        account = map_at(details, "us_bank_account")
        if named := _account_at(text_at(account, "bank_name"), text_at(account, "last4")):
            return named
    return ""


def _account_at(bank: str, last4: str) -> str:
    bank, last4 = clean(bank, 60), clean(last4, 8)
    return f"{bank} •••• {last4}" if bank and last4 else bank


def _returned(told: Told) -> str:
    code = text_at(told.resource, "returned_details", "code") or text_at(told.resource, "failure_details", "code")
    code = code or text_at(told.resource, "failure_code")
    return "" if code == "other" else words(code)


def _rejected(told: Told) -> str:
    reasons = (
        _REJECTED.get(text_at(one)) or words(text_at(one))
        for part in ("card_logo", "carrier_text")
        for one in list_at(told.resource, "rejection_reasons", part)[:5]
    )
    return ", ".join(reason for reason in reasons if reason)


def _tons(told: Told) -> str:
    tons = clean(text_at(told.resource, "metric_tons"), 20)
    return f"{tons} t of carbon removal" if tons else ""


def _report(told: Told) -> str:
    """Return `balance.summary.1` as `balance summary`: the number is the report's version."""
    return words(text_at(told.resource, "report_type").rstrip(".0123456789").replace(".", " "))


def _value(told: Told) -> str:
    value = int_at(told.resource, "value")
    return f"{value:,}" if value is not None and abs(value) < 10**15 else clean(text_at(told.resource, "value"), 40)


def _percent(told: Told) -> str:
    percent = clean(text_at(told.resource, "percent"), 10)
    return f"{percent}%" if percent else ""


PARTS: Mapping[str, Callable[[Told], str]] = {
    "action": lambda told: (
        _ACTIONS.get(text_at(told.resource, "action", "type")) or words(text_at(told.resource, "action", "type"))
    ),
    "alert": lambda told: clean(text_at(told.resource, "alert", "title"), 100),
    "app": lambda told: clean(text_at(told.resource, "app"), 80),
    "approval": lambda told: "approved" if at(told.resource, "approved") is True else "declined",
    "asked": lambda told: (
        _resource_money("pending_request", "amount", currency=("pending_request", "currency"))(told)
        or _resource_money("amount")(told)
    ),
    "bank": lambda told: _account_at(text_at(told.resource, "institution_name"), text_at(told.resource, "last4")),
    "cash": _in_cash,
    "cash_moved": _cash_moved,
    "closed": lambda told: words(text_at(told.resource, "status_details", "closed", "reasons", 0)),
    "credit": _credit,
    "debit": _resource_money("amount", currency=("source", "currency")),
    "error": lambda told: clean(text_at(told.resource, "error"), 100).rstrip(". "),
    "evidence": lambda told: words(text_at(told.resource, "evidence", "reason").replace("other", "")),
    "filename": lambda told: clean(text_at(told.resource, "filename"), 100),
    "grant": _resource_money("amount", "monetary", "value", currency=("amount", "monetary", "currency")),
    "institution": lambda told: clean(text_at(told.resource, "institution_name"), 80),
    "label": lambda told: clean(text_at(told.resource, "label"), 80),
    "loss": lambda told: words(text_at(told.resource, "loss_reason").replace("other", "")),
    "merchant": lambda told: clean(text_at(told.resource, "merchant_data", "name"), 80),
    "other_side": _other_side,
    "outcome": lambda told: words(text_at(told.resource, "outcome")),
    "percent": _percent,
    "redirect": lambda told: words(text_at(told.resource, "redirect", "failure_reason")),
    "rejected": _rejected,
    "report": _report,
    "returned": _returned,
    "sender": _sender,
    "spent": _spent,
    "title": lambda told: clean(text_at(told.resource, "title"), 100),
    "tons": _tons,
    "value": _value,
    "wallet": lambda told: (
        _WALLETS.get(text_at(told.resource, "wallet_provider")) or words(text_at(told.resource, "wallet_provider"))
    ),
}
