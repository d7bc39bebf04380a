"""What is wrong with pictures and their labels: twins, suspects, imbalance, pictures unlike the others."""
