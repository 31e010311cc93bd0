"""Training clips: from folders of talking heads to shards, and from shards to batches."""
