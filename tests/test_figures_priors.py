"""Figures of what the priors say: lines and rows of the regressions."""

import numpy as np
import pytest
import xarray as xr

from hbdash.figures.priors import prior_density, prior_lines, prior_predictive


def lines(rows: int = 40, total: int | None = None, number: int = 50) -> xr.Dataset:
    rng = np.random.default_rng(0)
    ends = np.array([2.0, 9.0])
    slope = np.linspace(-1, 1, number)[:, None]
    return xr.Dataset(
        {
            "height": (("line", "end"), 3 + slope * ends),
            "seen_x": ("row", rng.uniform(2, 9, rows)),
            "seen_y": ("row", rng.normal(3, 1, rows)),
        },
        {"x": ("end", ends)},
        {"predictor": "day", "response": "weight", "rows": total or rows},
    )


def words(fig) -> str:
    return " ".join(note.text for note in fig.layout.annotations)


def test_prior_lines_are_drawn_from_end_to_end():
    fig = prior_lines({"day": lines()})
    drawn, dots = fig.data
    x, y = np.reshape(drawn.x, (50, 3)), np.reshape(drawn.y, (50, 3))
    np.testing.assert_allclose(x[:, :2], [[2, 9]] * 50)
    np.testing.assert_allclose(y[:, :2], lines()["height"], rtol=1e-6)
    assert np.isnan(x[:, 2]).all() and len(dots.x) == 40
    assert "50 prior draws, 40 rows" in words(fig)
    assert fig.layout.xaxis.title.text == "day" and fig.layout.yaxis.title.text == "weight"


def test_lines_that_leave_the_picture_are_counted():
    far = lines()
    far["height"][:3] = 1e7
    fig = prior_lines({"day": far})
    low, high = fig.layout.yaxis.range
    inside = ((far["height"] > low) & (far["height"] < high)).all("end")
    assert 3 <= 50 - int(inside.sum()) <= 15 and high < 100
    assert f"{50 - int(inside.sum())} lines leave the picture" in words(fig)
    assert low < float(far["seen_y"].min()) and high > float(far["seen_y"].max())


def test_several_predictors_share_the_height_and_the_dots():
    many = {name: lines(1500, total=9000) for name in "abcd"}
    fig = prior_lines(many)
    dots = [trace for trace in fig.data if trace.mode == "markers"]
    assert len(dots) == 4 and sum(len(trace.x) for trace in dots) == 3000
    assert "750 of 9,000 rows" in words(fig)
    ranges = {tuple(axis.range) for axis in fig.select_yaxes()}
    assert len(ranges) == 1


def test_prior_lines_refuse_what_they_cannot_draw():
    assert not prior_lines({}).data
    assert not prior_lines({"day": lines(number=0)}).data
    with pytest.raises(ValueError, match="must hold seen_x for day"):
        prior_lines({"day": lines().drop_vars("seen_x")})


def test_rows_seen_are_bars_below_the_prior():
    rng = np.random.default_rng(1)
    outcomes, seen = rng.normal(0, 20, 4000), rng.normal(3, 2, 500)
    fig = prior_predictive(outcomes, seen, "weight", rows=True)
    bars = {trace.name: trace for trace in fig.data}
    assert set(bars) == {"central 90%", "tails", "500 rows seen"}
    below = bars["500 rows seen"]
    assert below.yaxis != bars["tails"].yaxis
    assert np.sum(below.y) * below.width == pytest.approx(1, rel=1e-5)
    assert np.average(below.x, weights=below.y) == pytest.approx(seen.mean(), abs=0.2)
    assert fig.layout.xaxis2.title.text == "weight" and not fig.layout.xaxis.title.text
    assert len(prior_predictive(outcomes, None, "weight", rows=True).data) == 2


def test_densities_carry_the_unit_of_their_site():
    x = np.linspace(0, 1, 5)
    grids = xr.Dataset({site: (f"{site}_x", x, {"unit": unit}) for site, unit in (
        ("mu_slope", "weight per day"), ("sigma_noise", "weight"), ("nu", ""))},
        {f"{site}_x": x for site in ("mu_slope", "sigma_noise", "nu")},
    )  # fmt: skip
    titles = [axis.title.text for axis in prior_density(grids).select_xaxes()]
    assert titles == ["μ slope<br>(weight per day)", "σ noise (weight)", "ν"]
