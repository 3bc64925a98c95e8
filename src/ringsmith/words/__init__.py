"""CORPUS -> STATIC VECTORS: reading, counting, Word2Vec and GloVe, and what can be done with the vectors."""
