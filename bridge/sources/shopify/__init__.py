"""Shopify: classic webhooks (`orders/create`) and Next-Gen Events (`Product/create`)."""

from bridge.sources.shopify.provider import PROVIDER as PROVIDER
