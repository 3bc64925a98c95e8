"""Asserts inside the shared contract are explained as those of a test file are."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("contracts.recipes")
