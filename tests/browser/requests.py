"""Requests of the person who is signed in on a page, for what a test has to prepare."""

from playwright.sync_api import Page


def posted(page: Page, path: str, body: dict[str, object]) -> None:
    """Post as the person who is signed in."""
    answer = page.request.post(base(page) + path, data=body, headers=signed(page))
    assert answer.ok, answer.text()


def signed(page: Page) -> dict[str, str]:
    """Return what a request of the person who is signed in carries beside the cookie."""
    session = page.request.get(f"{base(page)}/api/v1/session").json()
    return {"X-CSRF-Token": session["csrf_token"]}


def base(page: Page) -> str:
    """Return the address of the portal that is open."""
    return "/".join(page.url.split("/")[:3])


def put(page: Page, path: str, body: dict[str, object]) -> None:
    """Put as the person who is signed in."""
    answer = page.request.put(base(page) + path, data=body, headers=signed(page))
    assert answer.ok, answer.text()
