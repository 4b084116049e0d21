from __future__ import annotations

import pytest

from devtools.error_texts import LONGEST, ONE_NAME, faults, first_lines

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


@pytest.mark.parametrize(
    ("body", "texts"),
    [
        ("raise InvalidAcl('decision.\\ncause')", ["decision."]),
        ("raise errors.InvalidAcl(f'a {b} c.' + more)", ["a ... c...."]),
        ("raise InvalidAcl(lines(fitted(lambda short: f'{short(a)} is gone.'), cause))", ["... is gone."]),
        ("raise InvalidAcl('\\n'.join((fitted(first), cause)))", []),
        ("text = f'{a} is wrong.'\n    raise InvalidAcl(text)", ["... is wrong."]),
        ("text = 'one.' if a else 'two.'\n    raise InvalidAcl(text)", ["one.", "two."]),
        ("def first(short):\n        return f'{a} is gone.'\n    raise InvalidAcl(fitted(first))", ["... is gone."]),
        ("text = text + '.'\n    raise InvalidAcl(text)", []),
        ("raise InvalidAcl(made_elsewhere())", []),
        ("raise ValueError('no error of ours')", []),
    ],
)
def test_the_first_lines_that_stand_in_a_function_are_found(body: str, texts: list[str]) -> None:
    assert list(first_lines(f"def check():\n    {body}\n")) == [("InvalidAcl", text) for text in texts]
