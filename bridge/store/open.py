"""Open the store of `BRIDGE_STORE`."""

from bridge.config.diagnostics import Problem
from bridge.store.interface import Store
from bridge.store.models import StoreRefusedError


def store_url_problem(url: str) -> Problem | None:
    """Return the error in a ``BRIDGE_STORE`` URL; None if it is well-formed. Open nothing.

    The URL may hold a password: the text does not repeat it.
    """
    scheme, separator, place = url.partition("://")
    if scheme.lower() != "sqlite" or not separator:
        return Problem("names no known kind of store", "write sqlite:////folder/bridge.db")
    if len(place) < 2 or not place.startswith("/"):
        return Problem(
            "needs three slashes before a relative file and four before an absolute one",
            "write sqlite:///bridge.db or sqlite:////data/bridge.db",
        )
    return None


def open_store(url: str, *, limit: int, owner: bool) -> Store:
    """Open a store: ``sqlite:///relative.db``, ``sqlite:////absolute.db``, ``sqlite:///:memory:``.

    ``limit`` is in bytes. The ``owner`` (serve) creates a missing file, and is the only one; others need the file, and
    work beside the owner. Raises StoreRefusedError.
    """
    if problem := store_url_problem(url):
        raise StoreRefusedError(f"BRIDGE_STORE {problem}")
    # An engine is imported only when it is used: it may need a client library that is not installed.
    from bridge.store.sqlite.store import open_sqlite

    return open_sqlite(url.partition(":///")[2], limit=limit, owner=owner)
