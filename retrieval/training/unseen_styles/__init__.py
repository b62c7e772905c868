"""UCDR-Adapter's whole table on a GPU: every style left out in turn, every seed, every part taken away.

    packing    principal components of maps that were computed here, and the sentence encoder in few bits -> a folder
    run        that folder -> weights and what every query scored, within so many seconds
    assemble   weights -> bundles on the whole trunk

What is trained stands on principal components of the frozen trunk's map, so neither pictures nor the trunk travel. A
tower on components is a tower on the trunk whose first layers keep to them: `assemble` writes it as such.
"""
