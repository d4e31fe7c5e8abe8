"""The demo, and a Slack that behaves as the real one does."""
