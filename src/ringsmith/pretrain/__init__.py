"""CORPUS -> BACKBONE: models pre-trained on plain text, from nothing or from a model that is there."""
