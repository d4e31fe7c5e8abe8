"""Routing of events to channels: routes.toml, patterns, conditions, decide."""
