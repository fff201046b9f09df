"""Rules: state machines without side effects, from what is seen in pictures to findings.

Every rule takes its state and one picture's detections with its time, and returns the next state and the findings, so
that a recorded run gives the same findings whenever it is played again.
"""

from appliance.analysis.rules.making import rules_of, values_of
from appliance.analysis.rules.ruling import Ruling
from appliance.analysis.rules.seen import Seen
from appliance.analysis.rules.values import Values
from appliance.analysis.rules.zone import Zone

__all__ = ["Ruling", "Seen", "Values", "Zone", "rules_of", "values_of"]
