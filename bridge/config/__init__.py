"""Settings, environment, names, units, and how a mistake in them is reported."""
