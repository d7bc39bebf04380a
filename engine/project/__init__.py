"""What is kept: the store, image files, runs."""
