"""A network is data: layer records, their arithmetic, the zoo, and the torch module made from them."""
