"""The whole access of a set of DAGs: producers, keys and consumers, as a table, a picture or a page.

`entries` has one entry for each XCom. `graph` draws like tasks together. The other modules write one form each. Ids and
keys may hold anything, so each form has its own way to keep them text.
"""
