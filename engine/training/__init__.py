"""Recipe, training loop and what they leave behind."""
