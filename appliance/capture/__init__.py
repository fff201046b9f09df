"""Snapshots (抓图): ordered or planned, paced, taken from key frames, kept, and handed on."""
