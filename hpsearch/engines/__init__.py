"""Where trials run: slots on devices, and the processes in them."""
