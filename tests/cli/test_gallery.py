"""Tests of `bridge gallery`, and of its page in a real browser."""

from pathlib import Path

import pytest
from playwright.async_api import expect

from bridge.samples import samples
from tests.browser import needs_chromium, opened
from tests.cli.command import run


@pytest.mark.slow
def test_it_writes_every_sample_to_one_page(tmp_path: Path) -> None:
    done = run(tmp_path, "gallery", "all.html")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"wrote {len(samples())} messages to all.html\n"
    page = (tmp_path / "all.html").read_text("utf-8")
    assert page.count("<article ") == len(samples())


@pytest.mark.slow
def test_a_template_that_fails_is_reported_and_shown(tmp_path: Path) -> None:
    (tmp_path / "templates/gitlab").mkdir(parents=True)
    (tmp_path / "templates/gitlab/push.j2").write_text("{{ broken", "utf-8")
    done = run(tmp_path, "gallery", "all.html")
    assert done.returncode == 1
    assert "gitlab/push.j2:1: " in done.stderr
    assert '<p class="error">templates/gitlab/push.j2:1: ' in (tmp_path / "all.html").read_text("utf-8")


@pytest.mark.slow
def test_a_file_that_cannot_be_written_ends_with_2(tmp_path: Path) -> None:
    done = run(tmp_path, "gallery", "nowhere/all.html")
    assert done.returncode == 2
    assert done.stderr == "bridge: cannot write nowhere/all.html (No such file or directory): name another file\n"


@pytest.mark.slow
def test_a_routes_template_renders_the_message_in_the_gallery_and_on_the_terminal(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates/mine.j2").write_text("By the route's own: {{ line }}", "utf-8")
    (tmp_path / "routes.toml").write_text(
        '[[routes]]\nsource = "gitlab"\nevents = "push"\nchannels = ["a"]\ntemplate = "mine.j2"\n', "utf-8"
    )
    assert run(tmp_path, "gallery", "all.html").returncode == 0
    assert (tmp_path / "all.html").read_text("utf-8").count("By the route&#39;s own: ") == 1
    assert run(tmp_path, "render", "gitlab/push").stdout.startswith("By the route's own: ")


@pytest.mark.slow
@needs_chromium
async def test_the_page_needs_nothing_else_and_switches_without_script(tmp_path: Path) -> None:
    run(tmp_path, "gallery", "all.html")
    async with opened((tmp_path / "all.html").as_uri()) as page:
        await expect(page.locator("article")).to_have_count(len(samples()))
        assert await page.evaluate("performance.getEntriesByType('resource').length") == 0
        await page.click("nav a >> nth=1")  # no heading hides behind the header
        header, heading = [await page.locator(at).bounding_box() for at in ("header", "section:nth-of-type(2) h2")]
        assert header
        assert heading
        assert heading["y"] >= header["y"] + header["height"]
        message = page.locator(".slack-message").first
        await expect(message).to_have_css("background-color", "rgb(255, 255, 255)")
        await page.click("#dark")
        await expect(message).to_have_css("background-color", "rgb(26, 29, 33)")
        await page.click("#phone")
        box = await message.bounding_box()
        assert box
        assert box["width"] <= 375
        await page.set_viewport_size({"width": 390, "height": 800})
        assert await page.evaluate("document.documentElement.scrollWidth") == 390  # the longest names wrap
