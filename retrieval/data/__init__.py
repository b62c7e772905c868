"""Where pictures and drawings come from: a reader for each source, one table of pictures, one sampler."""
