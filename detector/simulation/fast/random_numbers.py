"""Random numbers of numpy's generators, in compiled functions: the same that `numpy.random.Generator` gives.

The C functions behind `Generator.standard_normal` and `Generator.random` take the address of a bit generator, as in
numpy's own example for other compilers (https://numpy.org/doc/stable/reference/random/examples/cffi.html).
"""

import numpy as np
from numpy.random import _generator

from detector.common.native import External

standard_normal = External(_generator.__file__, "random_standard_normal")
uniform = External(_generator.__file__, "random_standard_uniform")  # from 0 to 1, without 1


def address(rng: np.random.Generator) -> int:
    """Where the state of a generator lies, which must live as long as this is used."""
    return int(rng.bit_generator.ctypes.bit_generator.value)
