"""What is kept on disk and trusted: folders of weights that are checked against their manifests before anything is read."""
