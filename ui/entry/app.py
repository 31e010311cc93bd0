"""What Streamlit runs for every visit.

It stands in a folder of its own: a folder ``pages`` beside it would be taken for Streamlit's older kind of pages, and a
link to one of ours would run its bare module, which shows nothing.
"""

from __future__ import annotations

from ui.app import main

main()
