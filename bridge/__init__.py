"""Bridge: webhooks in, Slack messages out."""

__version__ = "0.1.0"
