"""The HTTP API: an endpoint for each ISO message, JSON resources, and a problem for every failure."""
