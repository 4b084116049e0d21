"""What people get to see: the texts of refusals, metrics, and what is masked in logs."""
