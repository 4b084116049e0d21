from __future__ import annotations


class Matrix:
    def __init__(self, rows: list[list[float]], unit: str) -> None:
        self.rows = rows
        self.unit = unit
        self.file: object = None

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(other) == vars(self)

    def __hash__(self) -> int:
        return len(self.rows)


class Square(Matrix):
    pass
