"""How magnetisation and its parameters become a series of images."""
