"""How good a dubbed picture is, measured without any downloaded judge."""

from lipsync_core.metrics.score import score
from lipsync_core.metrics.sheet import contact_sheet, moments

__all__ = ["contact_sheet", "moments", "score"]
