from hypothesis import given
from hypothesis import strategies as st

from bridge.messages.render_turns import Turns


def played(turns: Turns[str], costs: dict[str, float]) -> list[str]:
    """Take all turns, each with the cost of its channel."""
    taken = []
    while one := turns.take():
        channel, item = one
        turns.took(channel, costs[channel])
        taken.append(item)
    return taken


def test_a_lone_message_is_before_all_that_wait_in_other_channels() -> None:
    turns: Turns[str] = Turns()
    for number in range(50):
        turns.add(f"busy-{number % 20}", f"busy {number}")
    for _ in range(10):
        taken = turns.take()
        assert taken
        turns.took(taken[0], 0.5)
    turns.add("quiet", "quiet")
    assert turns.take() == ("quiet", "quiet")


def test_a_channel_of_heavy_templates_gets_no_more_time_than_one_of_light_ones() -> None:
    turns: Turns[str] = Turns()
    for number in range(100):
        turns.add("heavy", "heavy")
        turns.add("light", f"light {number}")
    order = played(turns, {"heavy": 1.0, "light": 0.1})
    assert 8 <= order[: order.index("light 90")].count("heavy") <= 11


def test_a_channel_cannot_save_up_turns_while_it_is_idle() -> None:
    turns: Turns[str] = Turns()
    costs = {"idle": 0.1, "busy": 0.1}
    turns.add("idle", "idle")
    for _ in range(100):
        turns.add("busy", "busy")
    assert played(turns, costs).count("busy") == 100
    for _ in range(20):
        turns.add("busy", "busy")
        turns.add("idle", "idle")
    order = played(turns, costs)
    assert 4 <= order[:10].count("busy") <= 6


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.floats(0.0, 2.0))))
def test_every_item_gets_its_turn_once_and_a_channel_keeps_its_order(added: list[tuple[str, float]]) -> None:
    turns: Turns[int] = Turns()
    for number, (channel, _) in enumerate(added):
        turns.add(channel, number)
    order: list[tuple[str, int]] = []
    while one := turns.take():
        order.append(one)
        turns.took(one[0], added[one[1]][1])
    assert sorted(number for _, number in order) == list(range(len(added)))
    for channel in "abcd":
        own = [number for name, number in order if name == channel]
        assert own == sorted(own)
