"""A MODEL MADE VISIBLE: what it makes of a text, and of one word in many sentences. Arrays of `backbones` in, records of `inspection` out."""
