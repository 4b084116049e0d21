"""The running process: which task instance it runs (`identity`), and what kind of process it is (`kind`)."""
