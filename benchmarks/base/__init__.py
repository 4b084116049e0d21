"""Two revisions in turn in one run: `make bench-base BASE=<revision>` prints ratios of this tree to the base."""
