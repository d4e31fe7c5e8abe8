"""`bridge check`: find mistakes in routes and templates before an event does."""
