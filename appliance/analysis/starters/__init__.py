"""What the starter algorithms see in pictures without any model: motion, standing things, smoke, water, a bad view.

Each is the eye of a package that ships with the product (federation/packages/builtin); the rule that its manifest names
does the rest.
"""

from appliance.analysis.starters.eye import Eye
from appliance.analysis.starters.shelf import eye_of

__all__ = ["Eye", "eye_of"]
