"""Pictures of the documentation: `make pictures` draws docs/img/*.svg from docs/img/src/*.yaml.

A source is one of two kinds: `steps` (who sends what to whom, in order) or `map` (boxes in a grid, with arrows).
docs/img/src/README.md describes both. The drawing depends on nothing but the source, so a test compares each picture
with its source.
"""
