"""Process whose files cannot grow for a while, and then can again. Argument: file."""

import asyncio
import resource
import sys

from bridge.store import Query, StoreUnavailableError, open_store
from tests.store.samples import LIMIT, NOW, entry, event, receive, request


async def main(path: str) -> None:
    """Print the number of events accepted before the disk was full, then the final status of the refused one."""
    store = open_store(f"sqlite:///{path}", limit=LIMIT, owner=True)
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (900_000, hard))
    number = 0
    try:
        while True:
            await receive(store, request(b"x" * 20_000), [entry(event(f"k{number}", event_id=f"e{number}"))], NOW)
            number += 1
    except StoreUnavailableError:
        print(number)  # noqa: T201 (the parent reads it)
    again = entry(event(f"k{number}", event_id=f"e{number}"))
    for _ in range(3):
        try:
            await receive(store, request(b"x" * 20_000), [again], NOW)
        except StoreUnavailableError:
            continue
        raise AssertionError("nothing had changed, and yet it was kept")
    assert len(await store.find(Query(limit=10_000))) == number
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    print((await receive(store, request(b"x" * 20_000), [again], NOW))[0].status)  # noqa: T201 (as above)
    await store.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
