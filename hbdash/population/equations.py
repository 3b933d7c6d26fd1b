"""The population in LaTeX, and its plate diagram as DOT for a browser to draw."""

from hbdash.population.parameters import Components


def equations(components: Components) -> tuple[str, ...]:
    """Write the model line by line: density, components, likelihood."""
    lines = [
        r"\rho(m_1, m_2) = \sum_k e^{\ln R_k}\, p_k(m_1, m_2), \quad"
        r" \int \rho = \textstyle\sum_k R_k"
    ]
    if components.n_pl:
        lines += [
            r"p_{\mathrm{PL}} \propto m_1^{-\alpha}\, q^{\beta} / m_1, \quad q = m_2 / m_1",
            r"m_{\min} \le m_2 \le m_1 \le m_{\max}, \quad"
            r" \text{each of } m_1 \text{ and } q \mid m_1 \text{ normalised}",
        ]
    if components.n_g:
        lines.append(
            r"p_{\mathrm{G}} = \mathrm{Normal}_{[\text{low}, \text{high}]}(m_1)\;"
            r"\mathrm{Normal}_{[\text{low}, \text{high}]}(m_2)"
        )
    return (
        *lines,
        r"\mu = T \int \rho(\theta)\, \mathrm{VT}(\theta)\, d\theta",
        r"\ln \mathcal{L} = \sum_{n=1}^N \ln \frac{1}{M_n} \sum_{i=1}^{M_n}"
        r" \frac{\rho(\theta_{ni})}{\pi(\theta_{ni})} + N \ln T - \mu",
    )


#: First publications of the model and its likelihood.
REFERENCES = (
    "Loredo (2004), doi:10.1063/1.1835214",
    "Mandel, Farr and Gair (2019), doi:10.1093/mnras/stz896",
    "Qazalbash, Zeeshan and O'Shaughnessy (2025), GWKokab, arXiv:2509.13638",
)


def diagram(components: Components, number: int, *, dark: bool = False) -> str:
    """Draw the population as a plate diagram, in DOT: grey is what was observed.

    Parameters
    ----------
    number : of events.
    dark : whether the page behind is dark.
    """
    ink, seen, latent = (
        ("#E3E9EF", "#4A5663", "#171E27") if dark else ("#1B2733", "#D5DBE1", "#FFFFFF")
    )
    style = f'color="{ink}" fontcolor="{ink}" fontname="sans-serif"'
    lines = style.replace(" ", "; ")
    nodes, edges = [], []
    groups = {
        "power law": (components.n_pl, "α, β, m_min, m_max"),
        "Gaussian": (components.n_g, "loc, scale of m1, m2"),
    }
    for place, (plate, (count, words)) in enumerate(groups.items()):
        if count:
            several = "s" * (count > 1)
            nodes.append(
                f'subgraph cluster_{place} {{ label="{count} {plate}{several}"; {lines};\n'
                f'k{place} [label="ln R, {words}"] }}'
            )
            edges.append(f"k{place} -> rho")
    return (
        f"digraph {{ graph [bgcolor=transparent {style}]\n"
        f'node [{style} style=filled fillcolor="{latent}"]\nedge [color="{ink}"]\n'
        + "\n".join(nodes)
        + '\nrho [label="ρ(m1, m2)"]\n'
        + f'number [label="N" fillcolor="{seen}"]\nvt [label="VT, T" fillcolor="{seen}"]\n'
        + f'subgraph cluster_events {{ label="{number} events"; {lines};\n'
        + f'theta [label="m1, m2"]\ndata [label="data" fillcolor="{seen}"]\ntheta -> data }}\n'
        + "\n".join(edges)
        + "\nrho -> theta\nrho -> number\nvt -> number\nvt -> theta\n}\n"
    )
