"""Tests of the page in a real browser: what a person sees, types and saves."""

import asyncio
import json

import pytest
from playwright.async_api import Page, Route, expect

from bridge.preview.files import TemplateFiles
from bridge.samples import samples
from tests.browser import needs_chromium, opened
from tests.preview.conftest import TITLE, Address

pytestmark = [pytest.mark.slow, needs_chromium]
HOSTILE = (
    "<script>window.ran=1</script><img src=x onerror='window.ran=1'>\"><svg onload=window.ran=1>"
    "</textarea></pre><a href='javascript:window.ran=1'>x</a><https://e.example/\"onclick=\"window.ran=1|x>"
)


async def slowly(route: Route) -> None:
    await asyncio.sleep(0.5)
    await route.continue_()


async def at(page: Page, text: str) -> None:
    await expect(page.locator("#message")).to_contain_text(text)


async def test_an_event_is_drawn_with_its_file_its_limits_and_its_json(address: Address) -> None:
    async with opened(address.url + "#gitlab/push") as page:
        await at(page, "Mei-Ling Chen pushed")
        await expect(page.locator("#text")).to_have_value(TITLE)
        await expect(page.locator("#notification")).to_have_text("Mei-Ling Chen pushed")
        await expect(page.locator("#limits")).to_contain_text("of 12000")
        await expect(page.locator("#problems")).to_have_text("none")
        assert json.loads(await page.locator("#json").text_content() or "")["text"] == "Mei-Ling Chen pushed"
        await expect(page.locator("#gutter")).to_have_text("1\n2\n3\n")


async def test_another_event_can_be_picked(address: Address) -> None:
    async with opened(address.url + "#gitlab/push") as page:
        await at(page, "pushed")
        await page.fill("#event", "stripe/charge.failed")
        await page.keyboard.press("Enter")
        await at(page, "Payment of $129.00")
        await expect(page.locator("#file")).to_have_value("stripe/charge.j2")
        await expect(page.locator(".bar rect")).to_have_attribute("fill", "#a30200")


async def test_it_draws_while_a_person_types_and_writes_nothing_until_saved(
    address: Address, files: TemplateFiles
) -> None:
    async with opened(address.url + "#gitlab/push") as page:
        await at(page, "pushed")
        await page.fill("#text", TITLE.replace("pushed", "typed"))
        await at(page, "Mei-Ling Chen typed")
        assert files.text("gitlab/push.j2") == TITLE
        await page.keyboard.press("Control+s")
        await expect(page.locator("#state")).to_have_text("saved")
        assert files.text("gitlab/push.j2") == TITLE.replace("pushed", "typed")
        await expect(page.locator("#save")).to_be_disabled()


async def test_a_mistake_is_shown_at_its_line_and_not_saved(address: Address, files: TemplateFiles) -> None:
    async with opened(address.url + "#gitlab/push") as page:
        await at(page, "pushed")
        await page.fill("#text", TITLE.replace("title", "tite"))
        await expect(page.locator("#problems")).to_contain_text("line 2: there is no block 'tite'")
        await expect(page.locator("#gutter .error")).to_have_text("2")
        await page.locator("#text").press("End")
        await page.keyboard.type(" ")
        await expect(page.locator("#gutter .error")).to_have_text("2")  # also before the next check
        await page.click("#save")
        await expect(page.locator("#banner")).to_contain_text("not saved: the check finds errors")
        assert files.text("gitlab/push.j2") == TITLE
        await page.locator("#problems button").first.click()
        assert await page.evaluate("[text.value.slice(text.selectionStart, text.selectionEnd).includes('tite')]") == [
            True
        ]


async def test_a_mistake_that_the_check_reports_too_is_shown_once(address: Address) -> None:
    async with opened(address.url + "#gitlab/push") as page:
        await at(page, "pushed")
        await page.fill("#text", "<b>")
        await expect(page.locator("#problems")).to_contain_text("breaks a limit of Slack for gitlab/push")
        await expect(page.locator("#problems li")).to_have_count(1)


async def test_a_file_that_changes_on_disk_is_drawn_again(address: Address, files: TemplateFiles) -> None:
    async with opened(address.url + "#gitlab/push") as page:
        await at(page, "pushed")
        (files.folder / "gitlab/push.j2").write_text("From my own editor", "utf-8")
        await at(page, "From my own editor")
        await expect(page.locator("#text")).to_have_value("From my own editor")


async def test_typed_text_stays_when_the_file_changes_on_disk(address: Address, files: TemplateFiles) -> None:
    async with opened(address.url + "#gitlab/push") as page:
        await at(page, "pushed")
        await page.fill("#text", "Typed here")
        await at(page, "Typed here")
        (files.folder / "gitlab/push.j2").write_text("Written there", "utf-8")
        await expect(page.locator("#state")).to_contain_text("changed on disk")
        await page.click("#save")
        await expect(page.locator("#banner")).to_contain_text("changed on disk")
        await expect(page.locator("#text")).to_have_value("Typed here")
        assert files.text("gitlab/push.j2") == "Written there"
        await page.click("#revert")
        await at(page, "Written there")


async def test_text_typed_while_a_changed_file_is_loaded_stays(address: Address, files: TemplateFiles) -> None:
    async with opened(address.url + "#gitlab/push") as page:
        await at(page, "pushed")
        await page.route("**/render", slowly)
        (files.folder / "gitlab/push.j2").write_text("From my own editor", "utf-8")
        async with page.expect_request("**/render"):
            pass
        await page.locator("#text").press("Control+End")
        await page.keyboard.type("And mine")
        await expect(page.locator("#problems")).to_contain_text("line 3: text outside of blocks")
        await expect(page.locator("#text")).to_have_value(TITLE + "And mine")


async def test_the_place_in_the_file_stays_when_it_changes_on_disk(address: Address, files: TemplateFiles) -> None:
    async with opened(address.url + "#gitlab/push") as page:
        await at(page, "pushed")
        await page.locator("#text").evaluate("(text) => text.setSelectionRange(5, 9)")
        (files.folder / "gitlab/push.j2").write_text(TITLE.replace("pushed", "changed"), "utf-8")
        await at(page, "changed")
        assert await page.evaluate("[text.selectionStart, text.selectionEnd]") == [5, 9]


async def test_an_event_that_is_not_there_leaves_the_one_that_is(address: Address) -> None:
    async with opened(address.url + "#gitlab/push") as page:
        await at(page, "pushed")
        await page.fill("#event", "gitlab/pusk")
        await page.keyboard.press("Enter")
        await expect(page.locator("#banner")).to_contain_text("did you mean `gitlab/push`?")
        await page.fill("#text", TITLE.replace("pushed", "typed"))
        await at(page, "Mei-Ling Chen typed")
        await expect(page.locator("#banner")).to_be_hidden()


async def test_a_page_shows_an_unavailable_server_and_continues_when_it_is_back(
    address: Address, files: TemplateFiles
) -> None:
    async with opened(address.url + "#gitlab/push", "ERR_INTERNET_DISCONNECTED", "ERR_INCOMPLETE_CHUNKED") as page:
        await at(page, "pushed")
        await page.context.set_offline(True)
        await page.fill("#text", TITLE.replace("pushed", "typed"))
        await page.keyboard.press("Control+s")
        await expect(page.locator("#banner")).to_contain_text("does not answer")
        await expect(page.locator("#state")).to_have_text("not saved")
        await page.context.set_offline(False)
        await page.keyboard.press("Control+s")
        await expect(page.locator("#state")).to_have_text("saved")
        await expect(page.locator("#banner")).to_be_hidden()
        assert files.text("gitlab/push.j2") == TITLE.replace("pushed", "typed")


async def test_a_hidden_tab_leaves_the_connection_to_others_and_catches_up(
    address: Address, files: TemplateFiles
) -> None:
    hide = """(hidden) => {
        Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
        return stream.readyState;
    }"""
    async with opened(address.url + "#gitlab/push") as page:
        await at(page, "pushed")
        assert await page.evaluate(hide, True) == 2
        (files.folder / "gitlab/push.j2").write_text("From my own editor", "utf-8")
        await page.wait_for_timeout(300)
        await at(page, "pushed")
        await page.evaluate(hide, False)
        await at(page, "From my own editor")


async def test_a_very_long_template_can_be_typed_in(address: Address) -> None:
    async with opened(address.url + "#gitlab/push") as page:
        await at(page, "pushed")
        await page.evaluate(
            "text.value = '{# a line #}\\n'.repeat(15000) + 'The end'; text.dispatchEvent(new Event('input'))"
        )
        await at(page, "The end")
        await expect(page.locator("#gutter")).to_contain_text("15001")


async def test_a_recorded_payload_can_be_pasted(address: Address) -> None:
    async with opened(address.url + "#gitlab/push") as page:
        await at(page, "Mei-Ling Chen pushed")
        await page.fill("#payload", json.dumps({"object_kind": "push", "user_name": "Grace Example"}))
        await at(page, "Grace Example pushed")
        await page.fill("#payload", "{")
        await expect(page.locator("#banner")).to_contain_text("the payload is not JSON")
        await page.fill("#payload", json.dumps(samples()["gitlab/build.failed"].body))
        await expect(page.locator("#file")).to_have_value("gitlab/build.j2")
        await at(page, "integration")
        await page.click("#sample")
        await at(page, "Mei-Ling Chen pushed")


async def test_a_separate_file_can_be_created_for_an_event(address: Address, files: TemplateFiles) -> None:
    async with opened(address.url + "#gitlab/pipeline.failed") as page:
        await at(page, "Pipeline")
        await page.select_option("#file", "gitlab/pipeline.failed.j2")
        await expect(page.locator("#text")).to_have_value("")
        await page.fill("#text", "Only failures: {{ line }}")
        await at(page, "Only failures")
        await page.keyboard.press("Control+s")
        await expect(page.locator("#state")).to_have_text("saved")
        assert (files.folder / "gitlab/pipeline.failed.j2").read_text("utf-8") == "Only failures: {{ line }}"


async def test_light_and_dark_desktop_and_phone_are_drawn(address: Address) -> None:
    async with opened(address.url + "#gitlab/merge_request.open") as page:
        await at(page, "opened")
        message = page.locator(".slack-message")
        await expect(message).to_have_css("background-color", "rgb(255, 255, 255)")
        await page.click("#theme")
        await expect(message).to_have_css("background-color", "rgb(26, 29, 33)")
        await page.click("#width")
        box = await message.bounding_box()
        assert box
        assert box["width"] <= 375
        columns = await page.locator(".fields").first.evaluate("(one) => getComputedStyle(one).gridTemplateColumns")
        assert len(columns.split()) == 1  # one field below the other, as on a phone


async def test_no_text_of_a_payload_or_template_runs_as_script(address: Address) -> None:
    async with opened(address.url + "#gitlab/push") as page:
        await at(page, "pushed")
        await page.fill("#payload", json.dumps({"object_kind": "push", "user_name": HOSTILE, "ref": HOSTILE}))
        await at(page, "<script>window.ran=1</script>")
        await page.fill("#text", HOSTILE + "{{ payload.ref }}{{ payload.ref | safe }}")
        await expect(page.locator("#template")).to_contain_text("gitlab/push.j2")
        await expect(page.locator("#problems")).to_contain_text("safe")
        assert await page.evaluate("typeof window.ran") == "undefined"
        assert await page.locator("#message script, #message img, #message [onclick], #message [onload]").count() == 0


async def test_the_policy_stops_script_even_where_markup_got_in(address: Address) -> None:
    async with opened(address.url + "#gitlab/push", "violates the following Content Security Policy") as page:
        await at(page, "pushed")
        blocked = await page.evaluate(
            """() => new Promise((resolve) => {
                document.addEventListener("securitypolicyviolation", (event) => resolve(event.effectiveDirective));
                message.innerHTML = "<button id=bad onclick='window.ran=1'>x</button>";
                bad.click();
                setTimeout(() => resolve("nothing was blocked"), 3000);
            })"""
        )
        assert blocked.startswith("script-src")
        assert await page.evaluate("typeof window.ran") == "undefined"
