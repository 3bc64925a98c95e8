"""What the tests of pre-training share."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("contracts.objectives")

from contracts.objectives import TEXTS  # noqa: E402 - after the line above
from ringsmith.pretrain.vocabulary import Vocabulary, train_vocabulary  # noqa: E402


@pytest.fixture(scope="session")
def toy_vocabulary() -> Vocabulary:
    """BERT's kind, learnt from the toy."""
    return train_vocabulary(TEXTS * 3, "bert", 160)
