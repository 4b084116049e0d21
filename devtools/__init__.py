"""Programs and helpers for developing this package; not part of what is installed."""
