"""Firmware profiles: what kind of server a box is, and so how much of each capability it offers."""

from firmware_profiles.profile import Profile, Text, load_all, load_profile

__all__ = ["Profile", "Text", "load_all", "load_profile"]
