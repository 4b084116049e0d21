"""The page of a DAG: who may read which of its XComs, by which rule, and what changed."""
