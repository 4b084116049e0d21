"""What outlives a process: every name and every byte that a later version must still read."""
