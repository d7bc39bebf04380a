"""Looking into a network: feature maps, theoretical and effective receptive fields."""
