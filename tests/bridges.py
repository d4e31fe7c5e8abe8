"""Running bridge with a simulated Slack, for the tests of several rooms."""

import io
import json
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp

from bridge.config.settings import load_settings
from bridge.events import Request
from bridge.live.snapshot import load_snapshot
from bridge.samples import samples
from bridge.service.service import Service
from bridge.sources import PROVIDERS
from tests.slack.simulator import SlackSimulator

PUBLIC_URL = "https://hooks.example.com"
SECRETS = {name: f"{name}-test-secret" for name in PROVIDERS} | {
    "gitlab": "gitlab-test-secret-token",
    "stripe": "whsec_stripe_test_secret",
    "shopify": "shopify-test-client-secret",
    "twilio": "00112233445566778899aabbccddeeff",
}
ROUTES = """
[[routes]]
name = "all"
events = ["!push"]
channels = ["general"]
"""


@dataclass(frozen=True)
class Bridge:
    """Running bridge with its simulated Slack and an HTTP client."""

    service: Service
    slack: SlackSimulator
    client: aiohttp.ClientSession

    @property
    def base(self) -> str:
        host, port = self.service.address
        return f"http://{host}:{port}"

    async def send(
        self, request: Request, *, extra: Sequence[tuple[str, str]] = ()
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Send a request as a proxy in front does, and return status, headers and body."""
        target = urlsplit(request.url)
        url = f"{self.base}{target.path}" + (f"?{target.query}" if target.query else "")
        headers = [*request.headers.items(), *extra]
        async with self.client.request(
            request.method,
            url,
            data=io.BytesIO(request.body) if request.body else None,
            headers=headers,
            allow_redirects=False,
        ) as response:
            return response.status, dict(response.headers), await response.read()

    async def get(self, path: str) -> tuple[int, dict[str, object]]:
        async with self.client.get(self.base + path) as response:
            answer: dict[str, object] = await response.json()
            return response.status, answer


def environment(folder: Path, slack: SlackSimulator, **more: str) -> dict[str, str]:
    """Return the variables of a bridge with its files in ``folder``. Write routes.toml if it is missing."""
    routes = folder / "routes.toml"
    if not routes.exists():
        routes.write_text(ROUTES)
    return {
        "BRIDGE_PORT": "0",
        "BRIDGE_STORE": f"sqlite:///{folder}/bridge.db",
        "BRIDGE_ROUTES": str(routes),
        "BRIDGE_PUBLIC_URL": PUBLIC_URL,
        "BRIDGE_SLACK_HOSTS": json.dumps(["127.0.0.1"]),
        "BRIDGE_CHANNELS__GENERAL": slack.webhook("general"),
        **{f"BRIDGE_SECRETS__{name.upper()}": secret for name, secret in SECRETS.items()},
        **more,
    }


@asynccontextmanager
async def bridge(folder: Path, **more: str) -> AsyncIterator[Bridge]:
    """Run a bridge on a free port until the block ends."""
    async with SlackSimulator() as slack, aiohttp.ClientSession() as client:
        settings, _ = load_settings(environment(folder, slack, **more), dotenv=folder / "-", secrets_dir=folder / "-")
        service = Service(settings, load_snapshot(settings))
        await service.start()
        try:
            yield Bridge(service, slack, client)
        finally:
            await service.stop()


def sample_request(name: str, *, now: float | None = None, body: object = None, secret: str = "") -> Request:
    """Return the signed request of a sample such as ``gitlab/merge_request.open``."""
    sample = samples()[name]
    return PROVIDERS[sample.provider].request_for(
        sample.type,
        sample.body if body is None else body,
        secret or SECRETS[sample.provider],
        time.time() if now is None else now,
        url=f"{PUBLIC_URL}/webhooks/{sample.provider}",
    )
