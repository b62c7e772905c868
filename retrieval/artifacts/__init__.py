"""What is kept on disk and trusted: folders of weights, checked against their manifests before they are read."""
