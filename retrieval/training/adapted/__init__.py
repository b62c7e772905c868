"""A prior with an image adapter: pairs of one object in two styles, packed for a GPU and trained by the clock."""
