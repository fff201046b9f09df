"""Snapshots by plan (视频抓图): planned here, taken by the appliances at which the points are at home, shown here."""
