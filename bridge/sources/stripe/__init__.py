"""Stripe: snapshot events (the whole object) and thin events (only its name)."""

from bridge.sources.stripe.provider import PROVIDER as PROVIDER
