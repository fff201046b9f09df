"""Opening data to the bureaus 开放赋能: event subscriptions."""
