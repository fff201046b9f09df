"""Artifacts 制品: large files by their digest, with manifests of their chunks, and which nodes have them."""
