"""Search policies compared on tables of learning curves, on a simulated clock."""
