"""Synthetic people: parametric figures with clothes, rendered for searching people by words.

Why synthetic only: pictures of real people carry their faces and whereabouts, and nobody in the usual collections was
asked. Every person here is drawn from a number. None depicts anybody, every word about them is known to be true, and
everything can be made again from the seed. The figures are stylised on purpose, so that none is taken for a
photograph of a human being.

`identity` decides who somebody is, `skeleton` how they stand, `figure` with `heads`, `wardrobe` and `luggage` makes
the meshes, `views` sets the scene in one of two domains ("studio", "street"), `finish` develops the picture,
`seen` and `captions` find words for what can be seen, and `sets` writes it all down.
"""
