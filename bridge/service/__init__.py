"""One running bridge: all parts together."""
