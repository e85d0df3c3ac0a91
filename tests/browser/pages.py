"""What browser tests ask of a page."""

from __future__ import annotations

from difflib import ndiff

from playwright.async_api import Page

# The page fetches itself anew, and has.
REFRESH = """() => new Promise((resolve) => {
  document.addEventListener("page:refreshed", resolve, { once: true });
  document.dispatchEvent(new CustomEvent("page:refresh"));
})"""
# The page's content without what differs by time, by what was opened since, and by highlight.
CONTENT = """() => {
  const copy = document.querySelector('.app').cloneNode(true);
  for (const element of [copy, ...copy.querySelectorAll('*')]) {
    element.classList.remove('fresh', 'follows');
    if (!element.className || element.getAttribute('class') === '') element.removeAttribute('class');
    for (const name of [
      'data-cursor', 'data-pages', 'data-count', 'data-read', 'data-seen', 'title', 'style', 'tabindex',
    ]) {
      element.removeAttribute(name);
    }
    const attributes = [...element.attributes].sort((a, b) => a.name < b.name ? -1 : 1);
    attributes.forEach((attribute) => element.removeAttribute(attribute.name));
    attributes.forEach((attribute) => element.setAttribute(attribute.name, attribute.value));
  }
  copy.querySelectorAll('time, #new-elsewhere, [data-spoken]').forEach((element) => element.replaceChildren());
  const personal = '.notice:not(.standing *), .menu-toggle, .unread-line, [name=key], [name=form-key]';
  copy.querySelectorAll(personal).forEach((element) => element.remove());
  return copy.innerHTML.replace(/>\\s+/g, '>').replace(/\\s+</g, '<').replace(/\\s+/g, ' ');
}"""


async def content(page: Page) -> str:
    return str(await page.evaluate(CONTENT))


async def fresh_content(page: Page) -> str:
    """What a new load of the same address shows."""
    other = await page.context.new_page()
    try:
        await other.goto(page.url)
        await ready(other)
        return await content(other)
    finally:
        await other.close()


async def ready(page: Page) -> None:
    """Wait until the page's socket is up, its newest hello is answered, and it is not fetching itself anew.

    The content policy forbids what `wait_for_function` does, so the page's own marks are waited for.
    """
    await page.locator("html[data-ready=yes]:not([data-refreshing])").wait_for(state="attached")


async def open_acts(page: Page) -> None:
    """Open the menu of what else can be done with a record."""
    await page.locator(".acts > summary").click()


async def confirm(page: Page, what: str) -> None:
    """Follow a link that asks first, and say yes in the dialog."""
    await page.get_by_role("link", name=what).click()
    await page.get_by_role("dialog").get_by_role("button", name=what).click()


async def reach(page: Page, cursor: int) -> None:
    """Wait until the page shows the log up to a cursor."""
    await page.locator(f"#main[data-cursor='{cursor}']").wait_for(state="attached")
    await ready(page)


async def assert_equals_a_fresh_load(page: Page) -> None:
    """Promise 2: a page with its pushes applied is what a fresh load shows.

    Who is here may change between the two looks, so a difference counts when it stays.
    """
    for _ in range(5):
        shown, fresh = await content(page), await fresh_content(page)
        if shown == fresh:
            return
    different = [line for line in ndiff(fresh.split("<"), shown.split("<")) if line[0] in "+-"]
    raise AssertionError(f"{page.url} differs from a fresh load (-):\n" + "\n".join(different[:40]))
