"""Format amounts with their currency: `€12.50`, `¥1,200`, `KWD 12.500`. Decimal throughout, never float.

The provider decides how many decimals a currency has, not the locale: CLDR (and so babel) gives ISK, ALL, RSD, YER and
others none, but their amounts come in hundredths. Babel gives the symbols only: its `format_currency` takes five times
as long.
"""

import unicodedata
from decimal import Decimal, InvalidOperation
from functools import lru_cache

from babel.numbers import get_currency_symbol
from babel.numbers import list_currencies as _list_currencies

_LOCALE = "en_US"
_KNOWN = frozenset(_list_currencies(_LOCALE)) - {"XXX"}  # XXX means no currency; its symbol is ¤

ZERO_DECIMAL = frozenset(
    {"BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"}
)
"""One unit is one. Source: Stripe docs, "Supported currencies", https://docs.stripe.com/currencies#zero-decimal."""

THREE_DECIMAL = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})
"""A thousand units make one. Source: https://docs.stripe.com/currencies#three-decimal."""

SENT_TIMES_HUNDRED = frozenset({"ISK", "UGX"})
"""Without decimals in daily use, yet sent in hundredths. Source: https://docs.stripe.com/currencies#special-cases."""

_MOST_DECIMALS = 8
_TOO_MUCH = Decimal(10) ** 20


def format_minor(amount: object, currency: object) -> str:
    """Format an amount in a currency's smallest unit, by Stripe's rules: ``(1250, "eur")`` -> ``€12.50``.

    ``amount`` is an integer, or decimal text if a unit price is a fraction of a cent. Return "" for null, infinite or
    absurd amounts, and for amounts without a currency.
    """
    code, value = _code(currency), _decimal(amount)
    if value is None or not code:
        return ""
    return _format(value.scaleb(-_exponent(code)), code)


def format_major(amount: object, currency: object) -> str:
    """Format a decimal amount in whole units, as Shopify writes it: ``("388.00", "USD")`` -> ``$388.00``.

    Without a currency the bare number stays: ``388.00``. Return "" if the amount is null or unreadable.
    """
    value = _decimal(amount)
    return "" if value is None else _format(value, _code(currency))


def _code(currency: object) -> str:
    """Return a currency code in upper case (Stripe writes lower case), or "" if it is none."""
    if not isinstance(currency, str) or not 3 <= len(currency) <= 8 or not (currency.isascii() and currency.isalnum()):
        return ""
    return currency.upper()


def _exponent(code: str) -> int:
    return 0 if code in ZERO_DECIMAL else 3 if code in THREE_DECIMAL else 2


def _decimal(amount: object) -> Decimal | None:
    if isinstance(amount, bool) or not isinstance(amount, int | float | str | Decimal):
        return None
    if isinstance(amount, str) and (len(amount) > 40 or "_" in amount):
        return None
    if isinstance(amount, int) and amount.bit_length() > 80:
        return None
    try:
        value = Decimal(repr(amount) if isinstance(amount, float) else amount)
    except InvalidOperation:
        return None
    return value if value.is_finite() and abs(value) < _TOO_MUCH and value.adjusted() > -_MOST_DECIMALS else None


def _format(value: Decimal, code: str) -> str:
    usual = 0 if code in SENT_TIMES_HUNDRED else _exponent(code)
    before, after = _symbols(code)
    number = f"{abs(value):,.{max(usual, min(_decimals_in(value), _MOST_DECIMALS))}f}"
    return f"{'-' if value < 0 else ''}{before}{number}{after}"


def _decimals_in(value: Decimal) -> int:
    """Count the decimals without trailing zeros: 1250.00 has none, 0.0125 has four."""
    exponent = value.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


@lru_cache(maxsize=1024)
def _symbols(code: str) -> tuple[str, str]:
    """Return the text before and after the number.

    `$12` and `CA$12` have a symbol. `CHF 12` has the code, which is clearer than a symbol of letters (`FCFA`, `Cg.`).
    `12 ZZZ` is for an unknown code.
    """
    if not code:
        return "", ""
    if code not in _KNOWN:
        return "", f" {code}"
    symbol = get_currency_symbol(code, locale=_LOCALE)
    return (symbol, "") if any(unicodedata.category(c) == "Sc" for c in symbol) else (f"{code} ", "")
