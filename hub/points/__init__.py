"""Video points 点位: the cameras of the city."""
