"""Virtual cameras: an RTSP server, scripted street scenes with their ground truth, and the scoring of reports."""
