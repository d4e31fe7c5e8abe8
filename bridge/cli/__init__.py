"""The commands. Each is a thin way into the rooms."""
