"""Cameras live and their recordings, for the portal: asked of the appliance that has them, through its own tunnel."""
