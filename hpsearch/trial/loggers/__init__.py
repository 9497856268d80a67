"""Where a trial's curves go: our TensorBoard, and the loggers of the study file."""
