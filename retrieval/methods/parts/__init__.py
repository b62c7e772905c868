"""Parts that more than one paper's method may use."""
