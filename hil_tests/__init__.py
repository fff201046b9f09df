"""The product's behaviours on real or virtual hardware, and the rig that stands in for it."""
