"""Compares search policies on tables of learning curves, on a simulated clock."""
