"""Why a request is turned away. Apart from the providers, so that what they share can raise these too."""


class Unverified(Exception):  # noqa: N818 - the name is a contract
    """The request does not prove that the provider sent it. The text is the reason: for our log only, no secrets."""


class Malformed(Exception):  # noqa: N818 - the name is a contract
    """Verified, but the body cannot be read as the provider's. The text is the reason: for our log only."""
