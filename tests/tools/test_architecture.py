"""Tests that ARCHITECTURE.md, its picture, CONTRIBUTING.md and the glossary match the code."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bridge.core.states import DeliveryState, OutcomeKind, WorkerState
from tools.architecture_picture import ROOMS, drawn, picture
from tools.rooms import arrows

ROOT = Path(__file__).parents[2]
PAGES = [path for path in (ROOT / "ARCHITECTURE.md", ROOT / "CONTRIBUTING.md") if path.exists()]
_PATH = re.compile(r"`((?:bridge|tests|tools|bench|docs|templates)/[\w./-]+)`")


def test_the_picture_is_the_one_that_would_be_drawn() -> None:
    svg = (ROOT / "docs" / "architecture.svg").read_text("utf-8")
    assert svg == picture(), "docs/architecture.svg is stale: run `make docs`"
    ElementTree.fromstring(svg)  # noqa: S314 - our own file


def test_every_room_has_its_place_in_the_picture_and_its_row_on_the_page() -> None:
    rooms = {room.removeprefix("bridge.") for room in arrows()}
    assert set(ROOMS) == rooms
    page = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    assert {name.removesuffix(".py") for name in re.findall(r"^\| `(\w+(?:/|\.py))` \|", page, re.MULTILINE)} == {
        f"{room}/" if (ROOT / "bridge" / room).is_dir() else room for room in rooms
    }


def test_an_arrow_that_others_imply_is_not_drawn() -> None:
    chain = {"a": frozenset({"b", "c"}), "b": frozenset({"c"}), "c": frozenset[str]()}
    assert drawn(chain) == [("a", "b"), ("b", "c")]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_file_that_a_page_names_is_there(path: Path) -> None:
    named = _PATH.findall(path.read_text("utf-8"))
    assert len(named) >= 20
    assert [name for name in named if "acme" not in name and not (ROOT / name).exists()] == []


def test_every_state_is_in_the_glossary() -> None:
    page = (ROOT / "docs" / "glossary.md").read_text("utf-8").partition("\n## States\n")[2].partition("\n## ")[0]
    listed = re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)
    assert sorted(listed) == sorted([*DeliveryState, *WorkerState, *OutcomeKind])


def test_every_delivery_state_is_in_the_options_of_bridge_events() -> None:
    page = (ROOT / "docs" / "operations.md").read_text("utf-8")
    [row] = re.findall(r"^\| `--state .*$", page, re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", row)) == set(DeliveryState)
