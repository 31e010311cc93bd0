"""Jobs that take long, for tests of workers that are stopped: one that listens, one that computes and cannot."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from typing import Any


def run(workspace: Any, job: Any, held: Any, listener: Any) -> dict[str, Any]:
    """Until told to stop; the file ``begun`` says that it works. A second attempt is quick."""
    Path(job.payload["begun"]).touch()
    while job.attempts == 1 and not job.payload.get("quick"):
        held.check()
        time.sleep(0.02)
    return {"attempts": job.attempts}


def compute(workspace: Any, job: Any, held: Any, listener: Any) -> dict[str, Any]:
    """A long stretch in native code, as in a model, where no signal is heard."""
    Path(job.payload["begun"]).touch()
    hashlib.pbkdf2_hmac("sha256", b"x", b"y", 60_000_000)
    return {}
