"""Every notebook runs from top to bottom on fewer rows and shows its plots; its own asserts check what it computes."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
ROWS = 20_000


def run(notebook: nbformat.NotebookNode, folder: Path) -> nbformat.NotebookNode:
    client = NotebookClient(notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(folder)}})
    client.execute()
    return notebook


def shown(notebook: nbformat.NotebookNode, kind: str) -> list[object]:
    """What its cells put out of one MIME type."""
    outputs = [o for cell in notebook.cells if cell.cell_type == "code" for o in cell.outputs]
    return [o["data"][kind] for o in outputs if kind in o.get("data", {})]


def test_there_are_notebooks() -> None:
    assert NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_it_runs_and_shows_its_plots(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOHLE_NB_ROWS", str(ROWS))
    notebook = nbformat.read(path, as_version=4)
    wanted = sum(cell.source.count("plt.show()") for cell in notebook.cells if cell.cell_type == "code")
    run(notebook, tmp_path)
    plots = shown(notebook, "image/png")
    assert wanted > 0
    assert len(plots) == wanted
    assert all(len(str(p)) > 5_000 for p in plots)  # an empty picture is smaller
    assert shown(notebook, "text/html")  # tables worth reading


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_it_asserts_what_it_claims(path: Path) -> None:
    notebook = json.loads(path.read_text())
    code = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert sum("assert" in source for source in code) >= 5


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_it_is_committed_without_outputs(path: Path) -> None:
    cells = [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells)


def test_a_wrong_number_is_an_error(tmp_path: Path) -> None:
    cell = nbformat.v4.new_code_cell("assert 1 + 1 == 3")
    with pytest.raises(CellExecutionError):
        run(nbformat.v4.new_notebook(cells=[cell]), tmp_path)
