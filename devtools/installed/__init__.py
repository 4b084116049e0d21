"""`make test-install`: the wheel, installed as users install it."""
