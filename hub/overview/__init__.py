"""The one-map home 首页一张图: figures of the whole."""
