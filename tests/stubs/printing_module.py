"""A user's module that prints when it is imported."""

print("printing_module is imported", flush=True)
