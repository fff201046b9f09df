"""资源监控: how busy the nodes are now, and were in the last week."""
