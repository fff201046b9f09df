"""Numbered changes of the schema; an applied one is never edited."""
