"""Custody at the hub: takes rows over from appliances, lane by lane, and acknowledges what it has committed."""
