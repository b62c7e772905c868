"""MRA's training on a GPU: what it needs in one small folder, and all variants within a time."""
