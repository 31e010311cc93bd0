"""Our own components: plain JavaScript read from files beside the Python that mounts them."""
