"""What the review page of a long project costs: the first paint, and an edit until it is saved.

Run from the repository's root:  python -m scripts.ui_bench --lines 2000

A line with the figures is printed and appended to the history. They depend on the machine and on
what else it does: "load" says how many processes wanted a core meanwhile.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from dubbing.bench import machine
from tests.ui.browser.conftest import chromium
from tests.ui.browser.live import Live, running
from tests.ui.browser.review import target_of
from tests.ui.factory import Home, make_home
from ui.urls import SESSION_COOKIE

#: Elements in shadow roots, too.
_ALL = """const inner = (one) => (one.shadowRoot ? all(one.shadowRoot) : []);
    const all = (root) => [...root.querySelectorAll("*")].flatMap((one) => [one, ...inner(one)]);"""
#: Milliseconds from the navigation until the first row has been painted.
_PAINT = """() => new Promise((resolve) => {
    %s
    const look = () => all(document).some((e) => e.matches("[data-row]"))
        ? requestAnimationFrame(() => resolve(performance.now())) : setTimeout(look, 5);
    look();
})""".replace("%s", _ALL)
#: The same from pressing Ctrl+S until the editor says "saved".
_SAVE = """() => new Promise((resolve) => {
    %s
    const state = all(document).find((e) => e.matches(".save-state"));
    addEventListener("keydown", () => {
        const began = performance.now();
        const look = () => state.dataset.key === "saved" ? resolve(performance.now() - began) : setTimeout(look, 2);
        look();
    }, { once: true, capture: true });
})""".replace("%s", _ALL)


def paints(page: Page, address: str, times: int) -> list[float]:
    """First paints in ms; the first one also loads the server's modules."""
    found = []
    for _ in range(times):
        page.goto(address)
        found.append(float(page.evaluate(_PAINT)))
    return found


def saves(page: Page, home: Home, times: int) -> list[float]:
    """Edits in ms, each checked in the database."""
    found = []
    lines = page.locator("[data-row]").evaluate_all("rows => rows.map((row) => row.dataset.row)")
    for number, line in enumerate(lines[:times]):
        page.locator(f'[data-row="{line}"]').click()
        area = page.locator("textarea[data-side=target]")
        area.click()
        page.keyboard.press("Control+A")
        page.keyboard.type(f"Edit number {number} of this line.")
        page.evaluate(f"() => {{ window.__saved = ({_SAVE})(); }}")
        page.keyboard.press("Control+S")
        found.append(float(page.evaluate("() => window.__saved")))
        assert target_of(home, home.project, line, "es") == f"Edit number {number} of this line."
    return found


def measure(live: Live, home: Home, times: int) -> dict[str, Any]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        context = browser.new_context(viewport={"width": 1400, "height": 900})
        context.add_cookies([{"name": SESSION_COOKIE, "value": home.token(), "url": live.url}])
        page = context.new_page()
        painted = paints(page, f"{live.url}/review?project={home.project.id}&lang=es", times)
        saved = saves(page, home, times)
        browser.close()
    return {"first_visit_ms": round(painted[0]), "paint_ms": round(statistics.median(painted[1:])),
            "paint_worst_ms": round(max(painted[1:])), "save_ms": round(statistics.median(saved)),
            "save_worst_ms": round(max(saved))}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lines", type=int, default=2000)
    parser.add_argument("--times", type=int, default=8)
    parser.add_argument("--history", type=Path, default=Path("bench/ui.jsonl"))
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="dubbing-ui-bench-") as folder:
        home = make_home(Path(folder), lines=asked.lines)
        began = time.monotonic()
        with running(home.path / "home", workers=False) as live:
            started_ms = round((time.monotonic() - began) * 1000)
            figures = measure(live, home, asked.times)
    row = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine(),
           "load": round(os.getloadavg()[0], 1), "lines": asked.lines,
           "start_ms": started_ms, **figures}
    print(json.dumps(row, indent=2))
    with asked.history.open("a", encoding="utf-8") as history:
        history.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
