"""The gallery "emoji": one thing as many hands drew it, built from published icon packages.

Nothing here downloads anything: the packages are named in `packages.py` and read from a folder that holds them
unpacked. Nothing in training or evaluation reads this gallery.
"""
