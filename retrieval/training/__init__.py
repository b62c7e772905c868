"""From data to weights: one loop for every method, and the recipes that made what is shipped."""
