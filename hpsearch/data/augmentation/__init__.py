"""Random changes of training images: drawn batch by batch, or once in advance."""
