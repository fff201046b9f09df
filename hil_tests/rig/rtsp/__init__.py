"""An RTSP server that plays clips in a loop, as cameras would."""
