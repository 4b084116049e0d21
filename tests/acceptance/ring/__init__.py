"""Tests that share one API server with the ring: it runs while they do."""
