"""Vector files, one module for each family; `open_vectors` tells the form by content, `save_vectors` chooses it by suffix."""

from __future__ import annotations

from ringsmith.words.files.contract import Format as Format
from ringsmith.words.files.contract import ReadOptions as ReadOptions
from ringsmith.words.files.formats import FORMATS as FORMATS
from ringsmith.words.files.formats import check_target as check_target
from ringsmith.words.files.formats import keeps_ngrams as keeps_ngrams
from ringsmith.words.files.formats import open_vectors as open_vectors
from ringsmith.words.files.formats import save_vectors as save_vectors
