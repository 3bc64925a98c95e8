"""BACKBONE + LABELS -> FITTED MODEL: the recipes."""
