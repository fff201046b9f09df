"""Making and checking algorithm packages on the command line; proposes manifests from bare models."""
