"""How good a dubbed picture is, measured without any downloaded judge.

``judge`` takes files and gives a ``Judgement``; ``write_report`` makes a page of it; ``score`` gives flat figures of
files whose face tracks are known; ``python -m lipsync_core.metrics.reenact`` runs the self-reenactment protocol.
"""

from lipsync_core.metrics.album import Album
from lipsync_core.metrics.judge import JudgeError, judge
from lipsync_core.metrics.judgement import BARS, Judgement
from lipsync_core.metrics.report import write_report
from lipsync_core.metrics.score import measure, score
from lipsync_core.metrics.sheet import contact_sheet, moments

__all__ = ["BARS", "Album", "JudgeError", "Judgement", "contact_sheet", "judge", "measure", "moments", "score",
           "write_report"]
