"""The formats of findings: one module for each. `cli.access.finding_formats` is the way in."""
