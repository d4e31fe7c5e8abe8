"""From the store to Slack: one lane a channel."""
