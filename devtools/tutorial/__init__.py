"""The tutorial, read and run as a newcomer reads and runs it."""
