"""Where pictures and drawings come from: one reader per source, all of them ending in the same few nouns."""
