"""The exports, photos and the browser of the tests of the page."""

from tests.browser.conftest import browser, exported, photos

__all__ = ["browser", "exported", "photos"]
