"""Networks that are trained here: experts, generators, embedders, discriminators."""
