"""Lists that other programs write."""

from pathlib import Path

import pytest

from fracture_core.data_folders import text_lists

LISTS = {
    "plain": "a;b\n1;2\n\n;4\n",
    "excel": "sep=;\na;b\n1;2\n\n;4\n",
    "several lines": 'a;b\n"1\nx";2\n\n;4\n',
}


@pytest.mark.parametrize(
    ("name", "lines"), [("plain", [2, 4]), ("excel", [3, 5]), ("several lines", [2, 5])]
)
def test_lines_count_as_an_editor_counts_them(tmp_path: Path, name: str, lines: list[int]) -> None:
    path = tmp_path / "list.csv"
    path.write_text(LISTS[name])
    table = text_lists.table(text_lists.read(path))
    assert [number for number, _ in table] == lines
    assert [row["b"] for _, row in table] == ["2", "4"]
    assert text_lists.header(path) == ["a", "b"]
