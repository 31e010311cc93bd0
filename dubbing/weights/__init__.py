"""Model weights: the catalog of every model and the store that finds, fetches and checks them."""
