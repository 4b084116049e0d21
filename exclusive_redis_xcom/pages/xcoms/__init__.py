"""The pages of a run and of a task instance: which XComs there are, where their values are, and who may read them."""
