"""What workers do: one file a kind of job, each found through ``dubbing.jobs.kinds``."""
