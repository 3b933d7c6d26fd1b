"""Who may import whom, what stands on a menu, and that everything public says what it is."""

import ast
import re
from pathlib import Path

import pytest

import hbdash
from hbdash.figures import FIGURES
from hbdash.models import MODELS

PACKAGE = Path(hbdash.__file__).parent
ROOT = PACKAGE.parent
FILES = sorted(PACKAGE.rglob("*.py"))
NAMES = [str(path.relative_to(ROOT)) for path in FILES]
#: Files that serve those on a menu.
SUPPORTING = {
    "models": {"__init__", "carried", "likelihood", "model", "reparam"},
    "figures": {
        "__init__", "board", "draws", "events", "joint", "markup", "mass_sensitivity", "mosaic",
        "pairs", "panels", "priors", "raster", "theme",
    },
}  # fmt: skip
ANSWER_SIDE = (
    "figures", "diagnostics.py", "estimates.py", "loo.py", "loo_comparison.py", "new_rows.py",
    "population_draws.py", "population_score.py", "posterior_summary.py", "predict.py",
    "quantities.py", "replicated.py",
)  # fmt: skip
#: What the answer side may know of its own house; the names of a run's variables are common ground.
ANSWER_MODULES = (
    "hbdash.plain_text",
    "hbdash.tables.csv_table",
    *(f"hbdash.{name.removesuffix('.py')}" for name in ANSWER_SIDE),
)


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def imports(path: Path, *, at_once: bool = False) -> set[str]:
    """List the modules a file imports, anywhere in it or as soon as it is imported itself."""
    found: set[str] = set()
    for node in tree(path).body if at_once else ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            assert node.module
            # `from hbdash import data` imports hbdash.data.
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return found - {"hbdash"}


def within(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in packages)


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_streamlit_is_known_to_the_interface_alone(path):
    if PACKAGE / "ui" not in path.parents:
        assert not [m for m in imports(path) if within(m, ("streamlit", "hbdash.ui"))]


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_the_answer_side_knows_no_sampler(path):
    if path.relative_to(PACKAGE).parts[0] in ANSWER_SIDE:
        found = imports(path)
        assert not [m for m in found if within(m, ("jax", "jaxlib", "numpyro", "flowMC"))]
        ours = [m for m in found if m.startswith("hbdash.")]
        assert all(within(m, ANSWER_MODULES) for m in ours), ours


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_the_question_side_draws_nothing(path):
    first = path.relative_to(PACKAGE).parts[0]
    rooms = ("ui", "cli", "library.py", "report.py", "sweeps.py", "web_page.py", "__main__.py")
    if first not in (*rooms, *ANSWER_SIDE):
        found = imports(path)
        drawing = ("plotly", "hbdash.figures", "hbdash.diagnostics")
        assert not [m for m in found if within(m, drawing)]


#: Each file imports only from its own row or from rows below it.
LAYERS = (
    ("jobs", "export", "library", "report", "sweeps"),
    ("cluster",),
    ("cluster_worker",),
    ("store", "diagram", "words"),
    ("run", "scripts"),
    ("draws",),
    ("question", "prior_draws"),
    ("learn",),
    ("spec",),
    ("population",),
    ("samplers",),
    ("models",),
    ("exact", "parameterization"),
    ("tables",),
    ("regression_sources",),
    ("regression_data",),
    ("data", "priors", "quantities"),
    ("netcdf_file",),
    ("hdf5_lock", "notes", "plain_text", "precedence", "spec_key", "uploads", "versions"),
)


def test_imports_point_down():
    height = {name: -row for row, names in enumerate(LAYERS) for name in names}
    for path in FILES:
        mine = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        for module in imports(path, at_once=True):
            if mine in height and module.startswith("hbdash."):
                other = module.split(".")[1]
                assert height.get(other, 0) <= height[mine], f"{path} imports {module}"


def test_nothing_imports_the_tests():
    pages = [*ROOT.glob("*.py"), *(ROOT / "pages").glob("*.py"), *FILES]
    assert not [path for path in pages if any(within(m, ("tests",)) for m in imports(path))]


def test_pages_compute_nothing():
    for path in (ROOT / "pages").glob("*.py"):
        found = imports(path)
        assert not [m for m in found if within(m, ("jax", "numpyro", "plotly", "numpy"))], path
        assert len(path.read_text().splitlines()) <= 60, path


@pytest.mark.parametrize(
    ("folder", "listed"),
    [
        ("models", {model.program.__module__ for model in MODELS.values()}),
        ("figures", {figure.function.__module__ for figure in FIGURES.values()}),
    ],
)
def test_every_file_is_on_its_menu(folder, listed):
    files = {path.stem for path in (PACKAGE / folder).glob("*.py")}
    on_menu = {module.rpartition(".")[2] for module in listed}
    assert files == on_menu | SUPPORTING[folder]
    assert not on_menu & SUPPORTING[folder]


def public(node: ast.Module | ast.ClassDef, path: str):
    for child in node.body:
        if isinstance(child, ast.FunctionDef | ast.ClassDef) and not child.name.startswith("_"):
            yield f"{path}.{child.name}", child
            if isinstance(child, ast.ClassDef):
                yield from public(child, f"{path}.{child.name}")


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_everything_public_says_what_it_is(path):
    module = tree(path)
    assert ast.get_docstring(module), f"{path} has no first line"
    for name, node in public(module, path.stem):
        assert ast.get_docstring(node), f"{name} has no docstring"
        if isinstance(node, ast.FunctionDef):
            given = [
                a for a in node.args.args + node.args.kwonlyargs if a.arg not in ("self", "cls")
            ]
            assert node.returns, f"{name} does not say what it returns"
            bare = [argument.arg for argument in given if argument.annotation is None]
            assert not bare, f"{name} does not annotate {bare}"


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_files_are_short_and_free_of_machine_paths(path):
    text = path.read_text()
    assert len(text.splitlines()) <= 400
    assert not re.search(r"/(?:[w]ork|[t]mp|[h]ome|[r]oot)/", text)
