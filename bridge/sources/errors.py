"""Errors for refused requests, in a module of their own so that shared code can raise them too."""


class Unverified(Exception):  # noqa: N818 - the name is a contract
    """The request does not prove its origin. The text is the reason, for the log only; it holds no secret."""


class Malformed(Exception):  # noqa: N818 - the name is a contract
    """The request is verified, but its body is not the provider's format. The text is the reason, for the log only."""
