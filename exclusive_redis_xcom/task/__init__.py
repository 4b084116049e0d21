"""In the task's process: a push, a pull and a removal, step by step. `exchange` is the way in."""
