"""Errors for refused requests, in a module of their own so that shared code can raise them too."""


class Unverified(Exception):  # noqa: N818 - the name is a contract
    """Report a request that does not prove its origin. The text is the reason, for the log only; it holds no secret."""


class Malformed(Exception):  # noqa: N818 - the name is a contract
    """Report a verified body that cannot be read as the provider's. The text is the reason, for the log only."""
