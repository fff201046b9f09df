"""Fragmented MP4 (ISO/IEC 14496-12, CMAF) of one H.264 or H.265 track, written and read without I/O."""
