"""MRA and DaD on a GPU: a prior and its branch, what they draw, and what pre-training on each kind of picture is
worth.

    packing      figures, both towers, the auto-encoder and the prompts -> a folder
    graphs       steps of one shape, recorded once and replayed
    generator    the prior learns the studio, its branch the street; guidance; what is drawn, sifted and described
    describer    MRA that filters and describes: it knows both domains, and no test identity
    variants     what pre-training is done on, and which losses
    tasks        a variant of a seed: pre-trained, fine-tuned on all, some and few of the street, scored
    assemble     weights that came back -> a bundle
    run          a process: generator, describer or none of both first, then whatever tasks are left
"""
