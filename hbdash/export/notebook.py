"""A run as a Jupyter notebook that needs NumPyro alone."""

import hashlib
import json
from collections.abc import Sequence

from hbdash.scripts.code import Program

#: What a cell is for, above it, by the part of the program.
TEXTS = {
    "imports": "## Packages\n\n`pip install numpyro` brings all of them.",
    "data": "## Data",
    "model": "## Model",
    "sampling": "## Sampling\n\nThe sampler and its options, as they were in the run.",
    "run": "## Summary\n\nThe posterior is that of the run; its draws differ, because they spend "
    "random numbers in another order.",
}


def notebook(program: Program, equations: Sequence[str] = ()) -> str:
    """Write a program as a notebook of nbformat 4.

    Parameters
    ----------
    program : its parts become cells.
    equations : the model in LaTeX, line by line.
    """
    texts = dict(TEXTS)
    texts["model"] += "".join(f"\n\n$${line}$$" for line in equations)
    cells = [_cell("markdown", f"# A hierarchical model\n\n{program.about}")]
    for part, text in texts.items():
        cells.append(_cell("markdown", text))
        # A notebook has no file of its own: its folder is the one in which it runs.
        code = getattr(program, part).replace("Path(__file__).parent", "Path()")
        cells.append(_cell("code", code) | {"execution_count": None, "outputs": []})
    for number, cell in enumerate(cells):
        named = f"{number}{cell['source']}".encode()
        cell["id"] = hashlib.sha256(named).hexdigest()[:8]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    about = {"kernelspec": kernel, "language_info": {"name": "python"}}
    content = {"cells": cells, "metadata": about, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _cell(kind: str, text: str) -> dict:
    return {"cell_type": kind, "metadata": {}, "source": text.strip("\n").splitlines(keepends=True)}
