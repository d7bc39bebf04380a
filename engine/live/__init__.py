"""Live classifying: cameras, dropped pictures, the model in use."""
