"""Bridge: webhooks in, Slack messages out."""

from bridge.core.version import __version__ as __version__
