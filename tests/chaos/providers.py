"""Providers that send events, some of them twice, cut connections, and retry until an acknowledgement."""

import asyncio
import json
import random
import re
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from urllib.parse import urlsplit

import aiohttp

from bridge.events import Request
from bridge.samples import samples
from tests.bridges import sample_request
from tests.chaos.service import Service

MARKER = re.compile(r"ev[0-9]{7}x")
PATIENCE = 15.0
"""Seconds that a provider waits for an answer."""


@dataclass(frozen=True, slots=True)
class Sent:
    """Event of one provider, with a marker that is found in Slack's messages."""

    marker: str
    source: str
    body: Mapping[str, object]
    at: float

    def request(self) -> Request:
        """Return the request as the provider sends it now. The keys are the same each time."""
        if self.source == "stripe":  # which signs again at each try
            return sample_request("stripe/charge.failed", body=self.body)
        return sample_request("gitlab/issue.open", body=self.body, now=self.at)


class Providers:
    """Several senders, each with one event at a time. ``acked`` collects the acknowledged events."""

    def __init__(self, service: Service, seed: object, per_second: float) -> None:
        self.acked: dict[str, str] = {}
        """The source of each acknowledged event, by marker."""
        self.counts: Counter[str] = Counter()
        self.errors: list[str] = []
        """Answers that no service may give."""
        self._service = service
        self._random = random.Random(f"{seed}-providers")
        self._pause = 1 / per_second
        self._numbers = count(1)
        issue, charge = samples()["gitlab/issue.open"].body, samples()["stripe/charge.failed"].body
        self._issue, self._charge = json.dumps(issue), json.dumps(charge)

    async def send(self, client: aiohttp.ClientSession, over: asyncio.Event) -> None:
        """Send events until ``over``, and finish the last one."""
        while not over.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), self._random.expovariate(1 / self._pause))
            await self._finish_event(self._event(), client)

    def _event(self) -> Sent:
        number = next(self._numbers)
        marker, now = f"ev{number:07d}x", time.time()
        if self._random.random() < 0.4:
            charge = json.loads(self._charge)
            charge["id"] = f"evt_{marker}"
            charge["data"]["object"] |= {"id": f"ch_{marker}"}
            charge["data"]["object"]["billing_details"]["name"] = marker
            return Sent(marker, "stripe", charge, now)
        issue = json.loads(self._issue)
        words = "All work and no play. " * self._random.choice([0, 1, 20, 400])
        issue["object_attributes"] |= {"id": number, "iid": number, "title": marker, "description": words}
        return Sent(marker, "gitlab", issue, now)

    async def _finish_event(self, event: Sent, client: aiohttp.ClientSession) -> None:
        self.counts["events"] += 1
        chance = self._random.random()
        if chance < 0.05:
            self.counts["requests cut in the middle"] += 1
            await self._cut(event, self._random.random() * 0.98)
        elif chance < 0.10:
            self.counts["requests whose answer was not read"] += 1
            await self._cut(event, 1.0)
        if chance > 0.93:
            self.counts["requests sent twice at once"] += 1
            await asyncio.gather(self._try(event, client), self._try(event, client))
        while event.marker not in self.acked:
            await self._try(event, client)
            if event.marker not in self.acked:
                await asyncio.sleep(0.05 + self._random.random() * 0.4)
        if 0.85 < chance < 0.93:
            self.counts["requests sent again"] += 1
            await self._try(event, client)

    async def _try(self, event: Sent, client: aiohttp.ClientSession) -> None:
        request = event.request()
        url = self._service.base + urlsplit(request.url).path
        try:
            async with client.post(url, data=request.body, headers=dict(request.headers)) as response:
                status, text = response.status, await response.text()
        except (aiohttp.ClientError, TimeoutError, ConnectionError):
            self.counts["tries without an answer"] += 1
            return
        self.counts[f"answers {status}"] += 1
        if status == 200:
            named_status = re.search('"status": ?"([a-z]+)"', text)
            self.counts[f"answers: {named_status[1] if named_status else 'unreadable'}"] += 1
            self.acked[event.marker] = event.source
        elif status != 503:
            self.errors.append(f"{event.marker} was answered {status}: {text[:200]}")

    async def _cut(self, event: Sent, part: float) -> None:
        """Send a part of a request, or all of it, and close the connection."""
        request = event.request()
        parts = urlsplit(self._service.base)
        head = f"POST {urlsplit(request.url).path} HTTP/1.1\r\nHost: bridge\r\nContent-Length: {len(request.body)}\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
        whole = head.encode() + b"\r\n" + request.body
        with suppress(ConnectionError, TimeoutError):
            _, writer = await asyncio.wait_for(asyncio.open_connection(parts.hostname, parts.port), PATIENCE)
            writer.write(whole[: int(len(whole) * part)])
            await writer.drain()
            await asyncio.sleep(self._random.random() * 0.02)
            writer.transport.abort()
            with suppress(ConnectionError):
                await writer.wait_closed()
