"""Following things from picture to picture: ByteTrack's two stages over a Kalman filter of constant velocity."""

from appliance.analysis.tracking.tracker import Tracker, Tracks

__all__ = ["Tracker", "Tracks"]
