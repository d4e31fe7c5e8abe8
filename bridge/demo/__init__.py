"""The demo, with a simulated Slack."""
