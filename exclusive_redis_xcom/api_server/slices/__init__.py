"""Slices of a mapped task's results in short, for tasks that ask for them (with `enforcement = worker`)."""
