"""In the task's process: a push, a pull and a removal, step by step. Each takes an `access.Access`."""
