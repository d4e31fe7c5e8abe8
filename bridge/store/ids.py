"""How a person names what is in the ledger."""


def delivery_number(name: str) -> int | None:
    """The delivery that ``123`` or ``#123`` names. Ids of events begin with 0 for the next nine thousand years."""
    digits = name.removeprefix("#")
    if not (digits.isascii() and digits.isdecimal()) or len(digits) > 18 or digits.startswith("0"):
        return None
    return int(digits)
