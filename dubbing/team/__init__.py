"""What people do in the workspace, each call checked against their rights. Pages reach it through ``dubbing.api``."""
