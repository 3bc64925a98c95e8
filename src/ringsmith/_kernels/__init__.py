"""What all kernels share: vectors in registers, where compiled code is kept, and a quicker start of Numba.

Importing this imports Numba: only files of kernels may.
"""

from ringsmith._kernels.cache import install
from ringsmith._kernels.start import spare_linear_algebra

install()
spare_linear_algebra()
