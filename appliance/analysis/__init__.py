"""The process `vision`: decodes key frames, runs algorithms on them and reports events."""
