"""Folders of weights that are checked against their manifests before anything is read."""
