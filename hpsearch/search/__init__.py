"""What asks, decides and writes: the coordinator, and the study in its database."""
