"""A small detector of drawn streets: scenes drawn for it, its training, its figures, its package."""
