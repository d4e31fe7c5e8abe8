"""Print the structure of the code: rooms, layers and arrows, measured from its imports.

A room is a folder of ``bridge/``, or a module at its top. Run it with ``python -m tools.rooms``.
"""

from collections.abc import Mapping

import grimp


def arrows() -> Mapping[str, frozenset[str]]:
    """Return for each room the rooms that it imports."""
    graph = grimp.build_graph("bridge", cache_dir=None)
    rooms = sorted(room for room in graph.find_children("bridge") if room != "bridge.__main__")
    inside = {room: {room, *graph.find_descendants(room)} for room in rooms}
    found: dict[str, frozenset[str]] = {}
    for room in rooms:
        imported = {name for module in inside[room] for name in graph.find_modules_directly_imported_by(module)}
        found[room] = frozenset(other for other in rooms if other != room and imported & inside[other])
    return found


def layers(imports: Mapping[str, frozenset[str]]) -> Mapping[str, int]:
    """Return the layer of each room: 1 without imports, else one above the highest imported room.

    Raises ValueError if rooms import each other in a circle.
    """
    known: dict[str, int] = {}
    while len(known) < len(imports):
        ready = {room for room, below in imports.items() if room not in known and below <= known.keys()}
        if not ready:
            raise ValueError(f"a circle among {', '.join(sorted(imports.keys() - known.keys()))}")
        known.update({room: 1 + max((known[other] for other in imports[room]), default=0) for room in ready})
    return known


def main() -> None:
    """Print a line for each layer, the top first, and the totals."""
    imports = arrows()
    by_layer = layers(imports)
    for layer in range(max(by_layer.values()), 0, -1):
        print(f"{layer:2}  {', '.join(sorted(room for room, on in by_layer.items() if on == layer))}")
    print(f"{len(imports)} rooms, {max(by_layer.values())} layers, {sum(map(len, imports.values()))} arrows")


if __name__ == "__main__":
    main()
