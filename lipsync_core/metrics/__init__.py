"""How good a dubbed picture is, measured without any downloaded judge."""

from lipsync_core.metrics.judgement import BARS, Judgement
from lipsync_core.metrics.score import measure, score
from lipsync_core.metrics.sheet import contact_sheet, moments

__all__ = ["BARS", "Judgement", "contact_sheet", "measure", "moments", "score"]
