"""A user's module that prints when it is imported."""

print("loud is imported", flush=True)
