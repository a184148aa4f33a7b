"""Questions before outputs are answered by mouse, by keys, and without scripts."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

Open = Callable[..., Page]
CHAPTER = "pytorch/tensors/"
RIGHT = "li:not([data-missed]) button"
WRONG = "li[data-missed] button"


@pytest.fixture
def page(open_page: Open) -> Page:
    return open_page(CHAPTER)


def test_an_output_is_shown_when_an_answer_has_been_chosen(page: Page) -> None:
    questions = page.locator(".predict").all()
    assert len(questions) >= 3
    for question in questions:
        output = question.locator(".output")
        assert not output.is_visible()
        question.locator(WRONG).first.click()
        missed = question.locator("li[data-missed]").first.get_attribute("data-missed")
        assert question.get_by_role("status").inner_text() == f"Not quite. {missed}"
        assert output.is_visible()
        question.locator(RIGHT).click()
        assert question.get_by_role("status").inner_text() == "Right."
        pressed = question.locator("[aria-pressed=true]")
        assert pressed.all_inner_texts() == question.locator(RIGHT).all_inner_texts()
        assert " ".join(pressed.inner_text().split()) in " ".join(
            output.inner_text().split()
        )


def test_keys_alone_answer_a_question(page: Page) -> None:
    question = page.locator(".predict").first
    question.locator("button").first.focus()
    seen = []
    for _ in range(question.locator("button").count()):
        seen.append(
            page.evaluate("document.activeElement.closest('.predict') !== null")
        )
        page.keyboard.press("Tab")
    assert all(seen)
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
    question.locator(RIGHT).focus()
    page.keyboard.press("Enter")
    assert question.get_by_role("status").inner_text() == "Right."
    assert question.locator(".output").is_visible()


@pytest.mark.parametrize("width", [360, 1280])
def test_an_answer_is_large_enough_and_fits(open_page: Open, width: int) -> None:
    page = open_page(CHAPTER, viewport={"width": width, "height": 800})
    for button in page.locator(".predict button").all():
        box = button.bounding_box()
        assert box is not None
        assert box["height"] >= 24
        assert box["x"] + box["width"] <= width


def test_without_scripts_the_output_is_in_a_fold(
    browser: Browser, address: str
) -> None:
    page = browser.new_page(java_script_enabled=False)
    page.goto(address + CHAPTER)
    question = page.locator(".predict").first
    assert question.locator("li").count() >= 3
    assert question.locator("button").count() == 0
    assert not question.locator(".output").is_visible()
    question.locator("summary").click()
    assert question.locator(".output").is_visible()
