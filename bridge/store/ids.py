"""Identifiers of events and deliveries on the command line."""


def delivery_number(name: str) -> int | None:
    """Return the number in ``123`` or ``#123``; None for other text. Event ids begin with 0 for 9,000 years to come."""
    digits = name.removeprefix("#")
    if not (digits.isascii() and digits.isdecimal()) or len(digits) > 18 or digits.startswith("0"):
        return None
    return int(digits)
