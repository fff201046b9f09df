"""Picture-quality diagnosis 视频质量诊断: what is wrong with a camera's picture, told from some of its key frames."""

from appliance.quality.inspection import Inspection
from appliance.quality.watch import Watch, first_look

__all__ = ["Inspection", "Watch", "first_look"]
