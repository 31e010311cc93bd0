from __future__ import annotations

import numpy as np

from lipsync_core.train.generator_card import page, told
from lipsync_core.train.validate import Validation


def validation(**figures: float) -> Validation:
    return Validation(figures, {"a": {}, "b": {}}, 7, 200, np.zeros((2, 2, 3), np.uint8))


def test_the_page_tells_what_was_measured_beside_what_it_must_beat() -> None:
    metrics = told({"own": validation(opening_r=0.71234, closure_hits=float("nan"), unknown=1.0),
                    "other": validation(opening_r=0.05), "reference": validation(opening_r=-0.1)})
    assert metrics["own"] == {"opening_r": 0.7123}
    card = {"note": "A note.", "network": {"kind": "own", "size": 96}, "parameters": 1234567, "licence": "Apache-2.0",
            "data": {"what": "drawn people", "people": 3}, "step": 10, "config": {"loop": {"seed": 1}},
            "limits": "Many.", "metrics": {"recorded_people": metrics}}
    text = page("generator_96.safetensors", card)
    assert "| opening r | 0.712 | 0.05 | -0.1 |" in text
    assert "2 clips, 200 frames, 7 closures" in text
    assert "1,234,567 parameters" in text and "drawn people; people 3" in text
    assert "closure hits" not in text
