"""The pages: each module has a function ``page`` that ``ui.app`` hands to the navigation."""
