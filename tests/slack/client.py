"""Post to a simulated Slack, as Bridge does."""

import aiohttp


async def send(http: aiohttp.ClientSession, url: str, body: object) -> tuple[int, str]:
    """Post a JSON body, and return the status and text of the answer."""
    async with http.post(url, json=body, allow_redirects=False) as answer:
        return answer.status, await answer.text()
