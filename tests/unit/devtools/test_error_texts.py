from __future__ import annotations

import pytest

from devtools.error_texts import LONGEST, ONE_NAME, faults

FITS = "x" * LONGEST


@pytest.mark.parametrize(
    "source",
    [
        f"raise InvalidAcl('{FITS}')",
        f"raise InvalidAcl('{FITS}\\nand a cause that may be as long as it likes')",
        f"raise errors.InvalidAcl(f'{FITS[ONE_NAME:]}{{key}}\\n{{cause}}')",
        f"raise ValueError('{FITS} is no error of ours')",
        "raise InvalidAcl(text)",
    ],
)
def test_a_first_line_that_fits_is_left_alone(source: str) -> None:
    assert list(faults(source)) == []


@pytest.mark.parametrize(
    "source",
    [
        f"raise InvalidAcl('{FITS}.')",
        f"raise errors.InvalidAcl(f'{FITS[ONE_NAME:]}.{{key}}')",
        f"return StoreUnavailable('{FITS}' + f'{{cause}}')",
    ],
)
def test_a_long_first_line_is_a_fault(source: str) -> None:
    (fault,) = faults(source)
    assert fault[0] == 1
    assert "characters" in fault[1]
