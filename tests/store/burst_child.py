"""Process that accepts events until it is killed, and prints each acknowledgement. Arguments: file, round."""

import asyncio
import os
import sys
from itertools import count

from bridge.store import open_store
from tests.store.samples import LIMIT, NOW, entry, event, receive, request


async def main(path: str, turn: str) -> None:
    """Run eight senders at once. Each request holds one or two events, each event has two deliveries."""
    store = open_store(f"sqlite:///{path}", limit=LIMIT, owner=True)
    numbers = count()

    async def sender() -> None:
        while True:
            number = next(numbers)
            names = [f"{turn}-{number}-{part}" for part in range(1 + number % 2)]
            entries = [entry(event(name, event_id=name), channels=("a", "b"), part=n) for n, name in enumerate(names)]
            kept = await receive(store, request(b"x" * (number % 7 * 3000)), entries, NOW)
            os.write(1, "".join(f"{outcome.id}\n" for outcome in kept).encode())

    await asyncio.gather(*(sender() for _ in range(8)))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
