"""How a script writes numbers, names, priors and rows, so that they read back exactly."""

import json
import textwrap
from typing import NamedTuple

import numpy as np

from hbdash.priors import Prior
from hbdash.regression_data import RegressionData, Statistics

#: Rows that a script holds itself; more of them are reduced to their statistics.
MOST_ROWS = 2000
#: Columns of a line of numbers.
WIDTH = 88


class Code(NamedTuple):
    """A model's part of a script.

    Attributes
    ----------
    data : assignments of its arrays, but for the centeredness.
    model : the function `model`, with its decorator.
    centeredness : the assignment of the centeredness; empty where nothing is pooled.
    """

    data: str
    model: str
    centeredness: str = ""


class Program(NamedTuple):
    """A program that samples a posterior with NumPyro alone, in the parts that it is read in.

    Attributes
    ----------
    about : what it is, in words.
    imports : packages, and JAX's settings.
    data : assignments of what was observed.
    model : the function `model`, and the functions that it calls.
    sampling : the assignment of `mcmc`, and what it needs.
    run : statements that sample and print.
    """

    about: str
    imports: str
    data: str
    model: str
    sampling: str
    run: str


def as_script(program: Program) -> str:
    """Write a program as one file, which samples when it is run and not when it is imported."""
    about, imports, data, model, sampling, run = program
    return (
        f'"""{about}"""\n\n{imports}\n{data}\n\n{model}\n\n{sampling}'
        f'if __name__ == "__main__":\n{textwrap.indent(run, "    ")}'
    )


def words(text: str) -> str:
    """Write somebody's words so that they stay on their line, whatever is in them."""
    printable = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(printable.replace("\\", "/").replace('"', "'").split())


def prior(given: Prior) -> str:
    """Write a prior as NumPyro code."""
    numbers = ", ".join(f"{name}={value!r}" for name, value in given.parameters.items())
    return f"dist.{given.dist}({numbers})"


def array(values: np.ndarray, depth: int = 0) -> str:
    """Write numbers of any shape, one row of the last axis after the other.

    Parameters
    ----------
    depth : how deep the assignment is indented, in steps of four.
    """
    return f"jnp.array({_nested(np.asarray(values), depth)})"


def names(labels: tuple[str, ...]) -> str:
    """Write labels as a list."""
    return _list([json.dumps(str(label), ensure_ascii=False) for label in labels], 0)


def comment(text: str) -> str:
    """Write words as lines of a comment."""
    return (
        textwrap.fill(text, 98, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False)
        + "\n"
    )


def _nested(values: np.ndarray, depth: int) -> str:
    if values.ndim == 1:
        return _list([_word(value) for value in values], depth)
    inner = [_nested(row, depth + 1) for row in values]
    indent = "    " * (depth + 1)
    return "[\n" + "".join(f"{indent}{row},\n" for row in inner) + "    " * depth + "]"


def _word(value: np.generic) -> str:
    if isinstance(value, np.bool_ | np.integer):
        return repr(int(value))
    return "jnp.nan" if np.isnan(value) else repr(float(value))


def _list(given: list[str], depth: int) -> str:
    """Write words between brackets: on one line where they fit, else on lines of their own."""
    if sum(map(len, given)) + 2 * len(given) <= WIDTH - 4 * depth:
        return f"[{', '.join(given)}]"
    indent = "    " * (depth + 1)
    lines, line = [], ""
    for word in given:
        if line and len(line) + len(word) > WIDTH - 4 * depth:
            lines.append(line)
            line = ""
        line += f"{word}, "
    body = "".join(f"{indent}{line.rstrip()}\n" for line in [*lines, line])
    return f"[\n{body}{'    ' * depth}]"


def holds_rows(data: RegressionData) -> bool:
    """Whether a script holds the rows themselves: few, or no more numbers than their statistics."""
    count, width, groups = len(data.rows[2]), len(data.predictors), len(data.names)
    statistics = groups * (width**2 + 2 * width + 3)
    return count <= MOST_ROWS or count * (width + 2) <= statistics


def rows(data: RegressionData, kept: np.ndarray, *, single: bool) -> str:
    """Write rows as they came, and what brings them to the units of the model.

    Parameters
    ----------
    kept : shape (N,), bool: which of the rows.
    single : whether x is the one predictor, of shape (N,); else it has a column for each.
    """
    u, x = data.units, data.x[kept]
    about = f"Predictor: {words(data.predictors[0])}." if single else "A column for each predictor."
    blank = "" if np.isfinite(x).all() else " nan: the cell is blank."
    text = f"group = {array(data.index[kept])}\n{comment(about + blank)}"
    text += f"x = {array(x[:, 0] if single else x)}\n"
    text += f"{comment(f'Response: {words(data.response)}.')}y = {array(data.y[kept])}\n"
    if is_changed(data):
        text += _remark(data)
    if (u.x_origin != 0).any() or (u.x_unit != 1).any():
        origin, unit = (
            repr(float(values[0])) if single else array(values) for values in (u.x_origin, u.x_unit)
        )
        text += f"x = (x - {origin}) / {unit}\n"
    if (u.y_origin, u.y_unit) != (0, 1):
        text += f"y = (y - {float(u.y_origin)!r}) / {float(u.y_unit)!r}\n"
    if not data.mask.all():
        text += "x = jnp.where(mask[group] == 1, x, 0.0)  # 0 where a predictor does not apply\n"
    return text


def statistics(data: RegressionData, *, single: bool) -> str:
    """Write each group's sufficient statistics of its complete rows, in the units of the model.

    Parameters
    ----------
    single : whether those of the one predictor have shape (K,); else as `Statistics`.
    """
    found = data.statistics
    if single:
        found = Statistics(*(values.reshape(len(data.names)) for values in found))
    about = (
        f"{int(found.n.sum()):,} complete rows enter by what is sufficient for a normal "
        "likelihood. Of each group: n rows, mean of y, means of x, root' root = centred sums of "
        "squares and products of x, its own least-squares weights (fit), and their residual sum "
        "of squares (ss)."
    )
    text = comment(about) + _columns(data)
    return text + "".join(f"{name} = {array(values)}\n" for name, values in found._asdict().items())


def labels(data: RegressionData, *, single: bool) -> str:
    """Write the names of groups, and of predictors where there are several, and the mask."""
    text = f"groups = {names(data.names)}\n"
    if not single:
        text += f"predictors = {names(data.predictors)}\n"
    if single and data.mask.all():
        return text
    mask = array(data.mask[:, 0] if single else data.mask)
    return f"{text}# Which predictor applies to which group.\nmask = {mask}\n"


def is_changed(data: RegressionData) -> bool:
    """Whether the units of the model are others than those the data came in."""
    u = data.units
    own = (u.x_origin == 0).all() and (u.x_unit == 1).all()
    return not own or (u.y_origin, u.y_unit) != (0, 1)


def _columns(data: RegressionData) -> str:
    """Say which columns x and y are, and how they came into the units of the model."""
    u, several = data.units, len(data.predictors) > 1
    lines = [
        f"x{f'[{p}]' if several else ''} = {_counted(name, u.x_origin[p], u.x_unit[p])}"
        for p, name in enumerate(data.predictors)
    ]
    lines.append(f"y = {_counted(data.response, u.y_origin, u.y_unit)}")
    text = "".join(f"# {line}\n" for line in lines)
    return text + _remark(data) if is_changed(data) else text


def _counted(name: str, origin: float, unit: float) -> str:
    from_origin = words(name) if origin == 0 else f"({words(name)} - {float(origin)!r})"
    return from_origin if unit == 1 else f"{from_origin} / {float(unit)!r}"


def _remark(data: RegressionData) -> str:
    slope = "a slope" if len(data.predictors) == 1 else "a weight"
    return comment(
        f"Priors and draws are in units of the model: {slope} becomes {words(data.response)} per "
        "unit of the predictor times (unit of y) / (unit of x), and an intercept is the height of "
        "the line where x = 0, counted from the origin of y in units of y."
    )
