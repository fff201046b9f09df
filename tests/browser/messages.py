"""What a page tells in passing: its messages are gone after three seconds, before a busy machine may have looked."""

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Page
from playwright.sync_api import TimeoutError as NeverTold

WITHIN_MS = 40_000
# Keeps the words of every message from the moment on at which it is shown.
LISTENING = """
window.told = []
new MutationObserver((changes) => {
  for (const { addedNodes } of changes)
    for (const node of addedNodes)
      if (node instanceof Element && node.matches('.el-message')) window.told.push(node.textContent)
}).observe(document, { childList: true, subtree: true })
"""
SAID_SINCE = "([words, before]) => window.told.slice(before).some((message) => message.includes(words))"


@contextmanager
def telling(page: Page, words: str, within_ms: float = WITHIN_MS) -> Iterator[None]:
    """Do something of which the page tells `words` in a message, and wait until it has; it may have faded again."""
    before = page.evaluate("window.told.length")
    yield
    try:
        page.wait_for_function(SAID_SINCE, arg=[words, before], timeout=within_ms)
    except NeverTold:
        raise AssertionError(f"the page told {page.evaluate('window.told')} and not {words!r}") from None
