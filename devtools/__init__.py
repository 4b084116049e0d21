"""Programs and helpers for the development of this package. They are not installed."""
