"""Which events go to which channels: routes.toml, patterns, conditions, decide."""
