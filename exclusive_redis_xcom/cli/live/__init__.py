"""The commands that tell what Redis holds: `ls`, `show` and `du`. They read names, sizes and rules, and no value."""
