"""Picture tasks for the portal: each lies on the appliance that looks, and is asked of it through its own tunnel."""
