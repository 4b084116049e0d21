"""Two builds in turn in one run: this tree, and with `make bench BASE=<revision>` also a revision before it."""
