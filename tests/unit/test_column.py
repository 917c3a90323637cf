"""A column keeps what it was given, in order, whatever the portions."""

import numpy as np

from provenance.match.column import Column


def test_values_stay_in_order_while_it_grows():
    column, expected = Column(np.uint32), []
    for count in (0, 1, 1023, 1, 5000, 3):
        values = np.arange(len(expected), len(expected) + count, dtype=np.uint32)
        held = column.values()
        column.extend(values)
        expected.extend(values.tolist())
        assert len(column) == len(expected)
        assert held.tolist() == expected[: len(held)]
    assert column.values().tolist() == expected
    assert column.values().dtype == np.uint32
