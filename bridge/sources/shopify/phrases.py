"""Building blocks of titles: money, people, quoted names."""

from collections.abc import Callable, Mapping
from functools import lru_cache

from babel import Locale
from babel.core import UnknownLocaleError

from bridge.core.money import format_major
from bridge.core.payload import at, clean, list_at, text_at
from bridge.sources.shopify.subjects import person

Payload = Mapping[str, object]
Tell = Callable[[Payload], str]

_ENGLISH = Locale("en")


def quoted(data: object, *path: str | int) -> str:
    """Return a quoted name after a blank: `` “Winter table”``; "" without a name."""
    name = clean(text_at(data, *path), 120)
    return f" “{name}”" if name else ""


def money(data: object, amount: str) -> str:
    """Return an amount with its currency; the bare number without a currency; "" without an amount."""
    return format_major(at(data, amount), at(data, "currency"))


def words(data: object, *path: str | int) -> str:
    """Return a status or reason as words: `partially_refunded` -> `partially refunded`."""
    return clean(text_at(data, *path).replace("_", " ").lower(), 80)


def from_customer(payload: Payload) -> str:
    """Return `` from Ada Marsh``; "" without a name."""
    name = person(at(payload, "customer"))
    return f" from {name}" if name else ""


def number_of(data: object, *path: str | int) -> int:
    """Return the number of entries of the list at a path."""
    return len(list_at(data, *path))


def counted(number: int, thing: str) -> str:
    """Return `1 item`, `3 items`."""
    return f"{number:,} {thing}" + ("" if number == 1 else "s")


def country(code: str) -> str:
    """Return `IE` as `Ireland`; an unknown code stays."""
    return _ENGLISH.territories.get(code.upper()) or clean(code, 40)


@lru_cache(maxsize=200)
def _language(code: str) -> str:
    try:
        return Locale.parse(code, sep="-").get_display_name("en") or code
    except (ValueError, UnknownLocaleError):
        return code


def language(code: str) -> str:
    """Return `ga` as `Irish`, `fr-CA` as `French (Canada)`; an unknown code stays."""
    code = clean(code, 20)
    return _language(code) if code.isascii() and code.replace("-", "").isalpha() and len(code) <= 10 else code
