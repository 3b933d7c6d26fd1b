"""Who may import whom, what stands on a menu, and that everything public says what it is."""

import ast
import re
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

import hbdash
from hbdash.figures import FIGURES
from hbdash.models import MODELS

PACKAGE = Path(hbdash.__file__).parent
ROOT = PACKAGE.parent
FILES = sorted(PACKAGE.rglob("*.py"))
#: Files that serve those on a menu.
SUPPORTING = {
    "models": {
        "__init__", "carried", "likelihood", "model", "padding", "prior_form", "reparam",
    },
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


def offenders(rule: Callable[[Path], Iterable[str]]) -> list[str]:
    """List what breaks a rule, in all files."""
    return [f"{path.relative_to(ROOT)}: {what}" for path in FILES for what in rule(path)]


def first(path: Path) -> str:
    """The room of a file, or its name where it has none."""
    return path.relative_to(PACKAGE).parts[0]


def test_streamlit_is_known_to_the_interface_alone():
    def rule(path):
        barred = ("streamlit", "hbdash.ui")
        return [m for m in imports(path) if first(path) != "ui" and within(m, barred)]

    assert not offenders(rule)


def test_the_answer_side_knows_no_sampler():
    def rule(path):
        found = imports(path) if first(path) in ANSWER_SIDE else set()
        libraries = {m for m in found if within(m, ("jax", "jaxlib", "numpyro", "flowMC"))}
        return libraries | {
            m for m in found if m.startswith("hbdash.") and not within(m, ANSWER_MODULES)
        }

    assert not offenders(rule)


def test_the_question_side_draws_nothing():
    rooms = ("ui", "cli", "library.py", "report.py", "sweeps.py", "web_page.py", "__main__.py")

    def rule(path):
        found = set() if first(path) in (*rooms, *ANSWER_SIDE) else imports(path)
        return [m for m in found if within(m, ("plotly", "hbdash.figures", "hbdash.diagnostics"))]

    assert not offenders(rule)


#: Each file imports only from its own row or from rows below it.
LAYERS = (
    ("jobs", "export", "library", "report", "sweeps"),
    ("cluster",),
    ("cluster_worker",),
    ("store", "diagram", "words"),
    ("run", "scripts", "ahead"),
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


def test_everything_public_says_what_it_is():
    def rule(path):
        module = tree(path)
        if not ast.get_docstring(module):
            yield "no first line"
        for name, node in public(module, path.stem):
            if not ast.get_docstring(node):
                yield f"{name} has no docstring"
            if isinstance(node, ast.FunctionDef):
                given = node.args.args + node.args.kwonlyargs
                if not node.returns:
                    yield f"{name} does not say what it returns"
                for argument in given:
                    if argument.annotation is None and argument.arg not in ("self", "cls"):
                        yield f"{name} does not annotate {argument.arg}"

    assert not offenders(rule)


def test_files_are_short_and_free_of_machine_paths():
    def rule(path):
        text = path.read_text()
        if len(text.splitlines()) > 400:
            yield "more than 400 lines"
        yield from re.findall(r"/(?:[w]ork|[t]mp|[h]ome|[r]oot)/", text)

    assert not offenders(rule)
