"""Algorithm systems of others, asked by HTTP: pictures go there, detections come back."""
