"""Playing what was recorded: streams and files of any stretch of time, from the index and the segments."""
