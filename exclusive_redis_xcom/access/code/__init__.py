"""What the code of task functions says about XComs, read from its syntax tree. The code is never imported or run.

- `module`: the functions of one file
- `scopes`: what the names in it stand for
- `body`: the pushes and pulls of one function, and of the functions that it calls
- `returned`, `multiple_outputs`: what a function returns, and whether each item is an output of its own
- `code_facts`: the result
"""

from __future__ import annotations

from exclusive_redis_xcom.access.code.code_facts import UNKNOWN, CodeFacts, CodePull
from exclusive_redis_xcom.access.code.module import ModuleCode, code_of_file, code_of_text

__all__ = ["UNKNOWN", "CodeFacts", "CodePull", "ModuleCode", "code_of_file", "code_of_text"]
