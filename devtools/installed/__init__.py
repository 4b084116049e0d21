"""`make test-install`: the wheel, installed as users install it."""

#: The Pythons that the package supports, the oldest first.
PYTHONS = ("3.10", "3.11", "3.12", "3.13", "3.14")
