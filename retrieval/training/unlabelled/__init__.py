"""DUDE and what it is compared with, many trainings side by side on a GPU that is lent for minutes.

python -m retrieval.training.unlabelled pack FOLDER        where renders, packs and shared folders are
python -m retrieval.training.unlabelled train PACK OUT     where the GPU is
python -m retrieval.training.unlabelled assemble RESULTS   where the shared folders are: bundles
"""
