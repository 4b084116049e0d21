"""`make test-install`: the wheel, installed as users install it."""

#: The Pythons that the package supports, the oldest first.
PYTHONS = ("3.10", "3.11", "3.12", "3.13", "3.14")
#: The Airflows that the package is tested on, one of each supported minor version.
AIRFLOWS = ("3.1.8", "3.2.2", "3.3.2")
