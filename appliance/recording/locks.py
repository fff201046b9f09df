"""What the recorder calls bookmarks."""

from appliance.recording.bookmarks import Bookmark as Lock
from appliance.recording.bookmarks import put, remove

__all__ = ["Lock", "put", "remove"]
