"""A picture that runs ahead of its sound is noticed, and nothing is claimed without a reason."""

from __future__ import annotations

import numpy as np
import pytest

from lipsync_core.speech.articulation import articulate
from lipsync_core.speech.sync import picture_lead_ms
from lipsync_core.speech.timeline import TimedPhone

SAID = [TimedPhone(s, 90.0 * i, 90.0 * (i + 1)) for i, s in enumerate("mabosefatulipanemokavisubaderopumi")]
TIMES = np.arange(0, 3000, 40.0)


@pytest.mark.parametrize("lead", [-80.0, 0.0, 40.0, 120.0])
def test_the_lead_is_found_in_a_noisy_measurement(lead: float) -> None:
    noise = np.random.default_rng(1).normal(0, 0.15, len(TIMES))
    seen = 3.0 * articulate(SAID, TIMES + lead).opening + noise
    found = picture_lead_ms(SAID, TIMES, seen)
    assert found is not None and abs(found - lead) <= 20


def test_a_mouth_that_says_something_else_or_nothing_tells_no_lead() -> None:
    random = np.random.default_rng(3)
    assert picture_lead_ms(SAID, TIMES, random.normal(size=len(TIMES))) is None
    assert picture_lead_ms(SAID, TIMES, np.ones(len(TIMES))) is None
    assert picture_lead_ms(SAID, TIMES[:10], random.normal(size=10)) is None
    assert picture_lead_ms([], TIMES, random.normal(size=len(TIMES))) is None
