import re

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import Serve, Watched
from tests.browser.standalone import PASSWORD, standalone_app, token_of

pytestmark = pytest.mark.browser

ANSWER = ".graphiql-response .view-lines"
EDITOR = ".graphiql-query-editor .view-lines"
PLAY = ".graphiql-execute-button"


async def run(page: Page, tab_name: str) -> None:
    await expect(page.locator(EDITOR)).to_be_visible()
    await page.get_by_role("tab", name=tab_name).click()
    await expect(page.locator(EDITOR)).to_contain_text(tab_name)
    await page.locator(PLAY).click()


async def number_sent(page: Page) -> int:
    await expect(page.locator(ANSWER)).to_contain_text(re.compile(r'"sent":\s*\d+'))
    found = re.search(r'"sent":\s*(\d+)', await page.locator(ANSWER).text_content() or "")
    assert found
    return int(found[1])


@pytest.mark.parametrize("tab", ["light", "dark"], indirect=True)
async def test_a_demo_visitor_is_signed_in_and_runs_a_query(tab: Watched, serve: Serve) -> None:
    await tab.page.goto(await serve(standalone_app(lambda: token_of("demo"))) + "/graphql")
    await run(tab.page, "WhoAmI")
    await expect(tab.page.locator(ANSWER)).to_contain_text('"viewer": "demo"')
    await expect(tab.page.get_by_text("Demo workspace")).to_be_visible()


async def test_a_subscription_shows_moving_numbers_until_it_is_stopped(
    tab: Watched, serve: Serve
) -> None:
    await tab.page.goto(await serve(standalone_app(lambda: token_of("demo"))) + "/graphql")
    await run(tab.page, "LiveStats")
    first = await number_sent(tab.page)
    await expect(tab.page.locator(ANSWER)).not_to_contain_text(f'"sent": {first},')
    assert await number_sent(tab.page) > first
    await expect(tab.page.locator(ANSWER)).to_contain_text(
        '"listener": "demo on </script><script>x(1)</script>"'
    )
    await tab.page.locator(PLAY).click()
    await expect(tab.page.get_by_label("Execute query")).to_be_visible()


async def test_a_visitor_signs_in_stays_so_over_a_reload_and_signs_out(
    tab: Watched, serve: Serve
) -> None:
    page = tab.page
    await page.goto(await serve(standalone_app(lambda: None)) + "/graphql")
    await run(page, "WhoAmI")
    await expect(page.locator(ANSWER)).to_contain_text('"viewer": null')

    await page.get_by_label("E-mail").fill("ann@example.com")
    await page.get_by_label("Password").fill("wrong")
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.locator(".problem")).to_have_text(
        "The e-mail address or the password is wrong."
    )
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_text("ann@example.com")).to_be_visible()

    await page.reload()
    await run(page, "WhoAmI")
    await expect(page.locator(ANSWER)).to_contain_text('"viewer": "ann@example.com"')
    await run(page, "LiveStats")
    await expect(page.locator(ANSWER)).to_contain_text('"listener": "ann@example.com on')
    await page.locator(PLAY).click()

    await page.get_by_role("button", name="Sign out").click()
    await run(page, "WhoAmI")
    await expect(page.locator(ANSWER)).to_contain_text('"viewer": null')


async def test_a_demo_token_that_is_about_to_end_is_renewed(tab: Watched, serve: Serve) -> None:
    tokens = iter([token_of("first", end=1), *[token_of("second")] * 10])
    await tab.page.goto(await serve(standalone_app(lambda: next(tokens))) + "/graphql")
    await run(tab.page, "WhoAmI")
    await expect(tab.page.locator(ANSWER)).to_contain_text('"viewer": "second"')


async def test_the_editor_completes_marks_and_prettifies(tab: Watched, serve: Serve) -> None:
    page = tab.page
    await page.goto(await serve(standalone_app(lambda: None)) + "/graphql")
    editor = page.locator(EDITOR)
    await expect(editor).to_contain_text("viewer")
    await page.locator(".graphiql-query-editor").first.click()
    await page.keyboard.press("Control+a")
    await page.keyboard.type("query  Mine{vie")
    await page.keyboard.press("Control+Space")
    await expect(page.locator(".suggest-widget")).to_contain_text("viewer")
    await page.keyboard.press("Enter")
    await page.get_by_label("Prettify query").click()
    await expect(editor).to_contain_text("query Mine { viewer}")
    await editor.click()
    await page.keyboard.press("Control+a")
    await page.keyboard.type("{ nothing }")
    await expect(page.locator(".squiggly-error")).to_be_visible()


@pytest.mark.parametrize("tab", ["light", "dark"], indirect=True)
async def test_saved_examples_open_in_tabs_of_their_own(
    tab: Watched, serve: Serve, request: pytest.FixtureRequest
) -> None:
    page = tab.page
    await page.goto(await serve(standalone_app(lambda: token_of("demo"))) + "/graphql")
    await expect(page.locator(EDITOR)).to_be_visible()
    tabs = page.locator(".graphiql-tab-button")
    await expect(tabs).to_have_text(["WhoAmI", "LiveStats"])
    examples = page.get_by_role("region", name="Examples")
    begin = examples.get_by_role("region", name="Begin")
    await expect(begin.get_by_role("button")).to_have_text(
        ["Who is askingquerySays who asks.", "Who elsequery"]
    )
    await begin.get_by_role("button", name="Who else").click()
    await expect(tabs).to_have_text(["WhoAmI", "LiveStats", "WhoElse"])
    await page.locator(PLAY).click()
    await expect(page.locator(ANSWER)).to_contain_text('"viewer": "demo"')
    await tab.picture(f"examples-{request.node.callspec.params['tab']}")

    await examples.get_by_role("button", name="Live numbers").click()
    await expect(page.get_by_role("tab", name="LiveStats")).to_have_attribute(
        "aria-selected", "true"
    )
    await begin.get_by_role("button", name="Who else").click()
    await expect(tabs).to_have_text(["WhoAmI", "LiveStats", "WhoElse"])


async def test_the_panel_of_examples_stays_closed_over_a_reload(tab: Watched, serve: Serve) -> None:
    page = tab.page
    await page.goto(await serve(standalone_app(lambda: None)) + "/graphql")
    examples = page.get_by_role("region", name="Examples")
    await expect(examples).to_be_visible()
    await page.get_by_label("Hide Examples").click()
    await expect(examples).to_be_hidden()
    await page.reload()
    await expect(page.locator(EDITOR)).to_be_visible()
    await expect(examples).to_be_hidden()


async def test_the_explorer_builds_an_operation_from_ticks(tab: Watched, serve: Serve) -> None:
    page = tab.page
    await page.goto(await serve(standalone_app(lambda: token_of("demo"))) + "/graphql")
    await expect(page.locator(EDITOR)).to_contain_text("viewer")
    await page.get_by_label("Show Explorer").click()
    explorer = page.locator(".graphiql-explorer-root")
    # A required argument is written with its field, one that has a default is not.
    await explorer.get_by_text("greeting", exact=True).click()
    await expect(page.locator(EDITOR)).to_contain_text('greeting(name: "")')
    await explorer.get_by_text("viewer", exact=True).first.click()
    await expect(page.locator(EDITOR)).not_to_contain_text("viewer")
