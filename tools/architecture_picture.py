"""Draw the rooms of ``bridge/`` by layer, with the arrows between them: docs/architecture.svg (`make docs`).

Rooms, layers and arrows are measured by ``tools.rooms``. Written here: only the column of each room and its caption.
"""

import itertools
import sys
from collections.abc import Iterator, Mapping
from html import escape

from tools.rooms import arrows, layers

ROOMS = {
    "cli": (1.0, "the commands"),
    "demo": (2.0, "the demo, simulated Slack"),
    "preview": (0.0, "bridge preview, gallery"),
    "service": (2.0, "start, run and stop"),
    "lint": (0.0, "bridge check"),
    "web": (2.0, "receive, answer"),
    "live": (1.0, "snapshot, reload"),
    "delivery": (3.0, "channel workers, Slack"),
    "store": (1.0, "event log, outbox, dedupe"),
    "routing": (1.0, "routes.toml, decide"),
    "messages": (3.0, "render, Slack's limits"),
    "templating": (2.0, "the sandboxed Jinja"),
    "samples": (0.0, "an event of each type"),
    "sources": (0.0, "providers: verify, read"),
    "config": (2.0, "settings, diagnostics"),
    "events": (1.0, "Request, Event"),
    "core": (2.0, "clock, payload, logs"),
}
"""Column and caption of each room. A room that is not listed here is drawn in the last column, without a caption."""

STEPS = {"web": "1", "sources": "2", "routing": "3", "store": "4", "delivery": "5", "messages": "6"}
"""The rooms on the way of a webhook, in order."""

COLUMN, ROW, WIDTH, HEIGHT = 224, 84, 186, 50
LEFT, TOP = 136, 40
GREY = "#7d8590"
FONT = "system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif"

Point = tuple[float, float]


def drawn(imports: Mapping[str, frozenset[str]]) -> list[tuple[str, str]]:
    """Return the arrows that no chain of other arrows implies."""

    def reached(room: str) -> set[str]:
        return set(imports[room]).union(*map(reached, imports[room]))

    return [
        (room, below)
        for room in sorted(imports)
        for below in sorted(imports[room])
        if not any(below in reached(other) for other in imports[room] - {below})
    ]


def picture() -> str:
    """Return docs/architecture.svg as it should be now."""
    imports = {
        room.removeprefix("bridge."): frozenset(other.removeprefix("bridge.") for other in below)
        for room, below in arrows().items()
    }
    by_layer = layers(imports)
    highest = max(by_layer.values())
    at = {room: (ROOMS.get(room, (3.0, ""))[0], highest - layer) for room, layer in by_layer.items()}
    edges = drawn(imports)
    width = LEFT + 3 * COLUMN + WIDTH // 2 + 16
    height = TOP + highest * ROW - 4
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    legend = (
        "An arrow points at a room that is imported. Arrows that others imply are left out. "
        "Blue, 1 to 6: the way of a webhook."
    )
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="{FONT}" role="img">',
            "<!-- Written by `make docs` from the imports of bridge/. Changes by hand are lost. -->",
            f"<title>The rooms of Bridge: {len(imports)} rooms in {highest} layers</title>",
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7"',
            f' orient="auto"><path d="M0 0.5 L8 4 L0 7.5 z" fill="{GREY}"/></marker></defs>',
            *_layer_numbers(highest),
            *_lines(edges, at),
            *(_box(room, *_centre(place)) for room, place in sorted(at.items(), key=lambda item: item[1][::-1])),
            _text(width / 2, height - 14, legend, 13, GREY),
            "</svg>\n",
        ]
    )


def _centre(place: Point) -> Point:
    return LEFT + place[0] * COLUMN, TOP + place[1] * ROW


def _layer_numbers(highest: int) -> Iterator[str]:
    for layer in range(highest, 0, -1):
        yield _text(18, TOP + (highest - layer) * ROW + 5, str(layer), 14, GREY)


def _lines(edges: list[tuple[str, str]], at: Mapping[str, Point]) -> Iterator[str]:
    """Yield a smooth line for each arrow. In the rows that it passes it keeps clear of boxes and of other lines."""
    taken = {(row, column + side) for column, row in at.values() for side in (-0.25, 0.0, 0.25)}
    for room, below in sorted(edges, key=lambda edge: (at[edge[1]][1] - at[edge[0]][1], edge)):
        (x, y), (end_x, end_y) = at[room], at[below]
        points = [(x, y)]
        for row in range(int(y) + 1, int(end_y)):
            straight = points[-1][0] + (end_x - points[-1][0]) / (end_y - row + 1)
            free = [step / 4 for step in range(-1, 15) if not _near(taken, row, step / 4)]
            column = min(free, key=lambda column: (abs(column - straight), column))
            taken.add((row, column))
            points.append((column, row))
        yield _curve([*map(_centre, points), _centre((end_x, end_y))])


def _near(taken: set[Point], row: int, column: float) -> bool:
    return any(on == row and abs(other - column) < 0.2 for on, other in taken)


def _curve(points: list[Point]) -> str:
    (x, y), *passed, (end_x, end_y) = points
    lean = max(-60.0, min(60.0, (end_x - x) * 0.25))
    stops = [(x + lean, y + HEIGHT / 2), *passed, (end_x - lean, end_y - HEIGHT / 2 - 1)]
    parts = [f"M{stops[0][0]:.0f} {stops[0][1]:.0f}"]
    for (x, y), (to_x, to_y) in itertools.pairwise(stops):
        half = (to_y - y) / 2
        parts.append(f"C{x:.0f} {y + half:.0f} {to_x:.0f} {to_y - half:.0f} {to_x:.0f} {to_y:.0f}")
    return f'<path d="{" ".join(parts)}" fill="none" stroke="{GREY}" stroke-width="1.4" marker-end="url(#tip)"/>'


def _box(room: str, x: float, y: float) -> str:
    step = STEPS.get(room)
    fill, edge, ink, faint = (
        ("#0b5cad", "#0b5cad", "#ffffff", "#dbeafe") if step else ("#f6f8fa", "#8c959f", "#1f2328", "#57606a")
    )
    number = _text(x - WIDTH / 2 + 16, y - 4, step, 15, faint, "600") if step else ""
    return (
        f'<rect x="{x - WIDTH / 2:.0f}" y="{y - HEIGHT / 2:.0f}" width="{WIDTH}" height="{HEIGHT}" rx="7" '
        f'fill="{fill}" stroke="{edge}"/>{number}'
        f"{_text(x, y - 4, room, 15, ink, '600')}{_text(x, y + 14, ROOMS.get(room, (0, ''))[1], 12, faint)}"
    )


def _text(x: float, y: float, text: str, size: int, fill: str, weight: str = "400") -> str:
    return (
        f'<text x="{x:.0f}" y="{y:.0f}" font-size="{size}" font-weight="{weight}" fill="{fill}" '
        f'text-anchor="middle">{escape(text, quote=False)}</text>'
    )


if __name__ == "__main__":
    sys.stdout.write(picture())
