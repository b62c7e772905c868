"""DaD's data set: figures that a prior draws from varied captions of the target, sifted, described anew, with boxes."""
