"""Tests of money: correct in every currency, and safe with any input."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.core.money import THREE_DECIMAL, ZERO_DECIMAL, format_major, format_minor


@pytest.mark.parametrize(
    ("amount", "currency", "expected"),
    [
        (1250, "eur", "€12.50"),
        (1250, "EUR", "€12.50"),
        (0, "usd", "$0.00"),
        (-1250, "usd", "-$12.50"),
        (1, "usd", "$0.01"),
        (123456789, "usd", "$1,234,567.89"),
        (1999, "cad", "CA$19.99"),
        (1999, "chf", "CHF 19.99"),
        (5000, "jpy", "¥5,000"),
        (5000, "krw", "₩5,000"),
        (5000, "xaf", "XAF 5,000"),
        (5000, "mga", "MGA 5,000"),
        (12340, "kwd", "KWD 12.340"),
        (12340, "tnd", "TND 12.340"),
        (123400, "isk", "ISK 1,234"),
        (123400, "ugx", "UGX 1,234"),
        (123450, "isk", "ISK 1,234.5"),
        (100000, "huf", "HUF 1,000.00"),
        (100000, "twd", "NT$1,000.00"),
        (1250, "all", "ALL 12.50"),
        (1250, "rsd", "RSD 12.50"),
        (1250, "zzz", "12.50 ZZZ"),
        (1250, "xxx", "12.50 XXX"),
        (1250, "usdc", "12.50 USDC"),
        ("0.5", "usd", "$0.005"),
        ("1250", "usd", "$12.50"),
    ],
)
def test_minor_units_become_an_amount_with_its_currency(amount: object, currency: str, expected: str) -> None:
    assert format_minor(amount, currency) == expected


@pytest.mark.parametrize(
    ("amount", "currency", "expected"),
    [
        ("388.00", "USD", "$388.00"),
        ("388.0", "USD", "$388.00"),
        ("388", "EUR", "€388.00"),
        ("1200", "JPY", "¥1,200"),
        ("1200.00", "JPY", "¥1,200"),
        ("12.5", "KWD", "KWD 12.500"),
        ("0.00", "USD", "$0.00"),
        ("-5.00", "GBP", "-£5.00"),
        ("1.005", "USD", "$1.005"),
        ("12.50", "ZZZ", "12.50 ZZZ"),
        ("12.50", None, "12.50"),
        ("12.5", "", "12.50"),
        (Decimal("9.99"), "EUR", "€9.99"),
        (388, "USD", "$388.00"),
    ],
)
def test_whole_units_become_an_amount_with_its_currency(amount: object, currency: object, expected: str) -> None:
    assert format_major(amount, currency) == expected


UNUSABLE = [
    None, True, False, "", " ", "abc", "1_000", "NaN", "Infinity", float("inf"), float("-inf"), float("nan"),
    [], {}, 10**400, 10**30, "1" * 50, "1e400", "1e-400", object(),
]  # fmt: skip


@pytest.mark.parametrize("amount", UNUSABLE)
def test_other_values_give_no_amount(amount: object) -> None:
    assert format_minor(amount, "usd") == ""
    assert format_major(amount, "usd") == ""


@pytest.mark.parametrize("currency", [None, "", 1, [], "<!channel>", "us", "x" * 90_000, "\ud800ab", "é€x"])
def test_minor_units_of_no_currency_give_nothing_rather_than_a_wrong_amount(currency: object) -> None:
    assert format_minor(1250, currency) == ""
    assert format_major("1250", currency) == "1,250.00"


@pytest.mark.thorough
@given(st.integers(-(10**15), 10**15), st.sampled_from(["usd", "jpy", "kwd", "isk", "all", "chf", "zzz", "xpf"]))
@settings(max_examples=200, deadline=None)
def test_the_digits_of_an_amount_are_never_changed(amount: int, currency: str) -> None:
    text = format_minor(amount, currency)
    digits = Decimal("".join(c for c in text if c in "0123456789.-"))
    exponent = 0 if currency.upper() in ZERO_DECIMAL else 3 if currency.upper() in THREE_DECIMAL else 2
    assert digits == Decimal(amount).scaleb(-exponent)


_ANYTHING = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=60) | st.lists(st.integers())


@pytest.mark.thorough
@given(_ANYTHING, _ANYTHING)
@settings(max_examples=300, deadline=None)
def test_nothing_from_outside_makes_it_fail(amount: object, currency: object) -> None:
    assert isinstance(format_minor(amount, currency), str)
    assert isinstance(format_major(amount, currency), str)
