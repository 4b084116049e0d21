"""`make dist` and `make release-check`: what a release is made of, and what it has to fulfil. Nothing publishes."""
