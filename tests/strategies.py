"""Hypothesis strategies for boxes, centres and labels."""

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

sides = st.one_of(
    st.integers(1, 8).map(float),  # ties and duplicates
    st.floats(1e-3, 1e5),
    st.sampled_from([1e-100, 1e-6, 1.0, np.nextafter(1.0, 2.0), 1e9, 1e100]),
)
ordinary = st.one_of(st.integers(1, 8).map(float), st.floats(1e-3, 1e5))
coordinates = st.one_of(st.integers(-3, 3).map(float), st.floats(-1e6, 1e6))


def pairs(elements, least=1, most=60):
    shapes = st.integers(least, most).map(lambda n: (n, 2))
    return hnp.arrays(np.float64, shapes, elements=elements)


def examples(most, **options):
    """Settings with so many examples, or with those of the quick profile if they are fewer."""
    usual = settings().max_examples
    return settings(max_examples=most if usual > 20 else min(most, usual), **options)
