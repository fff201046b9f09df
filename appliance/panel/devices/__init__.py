"""Cameras that speak ONVIF at the panel: searched, described, turned."""
