"""Deliver stored events to Slack."""
