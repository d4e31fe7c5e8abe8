"""Process that accepts and settles on a disk that others fill, until it is killed. Arguments: file, round.

It prints the id of each acknowledged event, and "full" for each refusal.
"""

import asyncio
import os
import sys
from itertools import count

from bridge.store import StoreUnavailableError, open_store
from tests.store.samples import NOW, entry, event, receive, request, settle_first


async def main(path: str, turn: str) -> None:
    """Accept an event and settle another, over and over."""
    store = open_store(f"sqlite:///{path}", limit=8 * 2**20, owner=True)
    os.write(1, b"open\n")
    for number in count():
        name = f"e{turn}-{number}"
        try:
            await receive(store, request(b"x" * 200), [entry(event(name, event_id=name))], NOW)
            os.write(1, f"{name}\n".encode())
            await settle_first(store)
        except StoreUnavailableError:
            os.write(1, b"full\n")
        await asyncio.sleep(0.005)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
