"""Templates: escaped values, a sandbox, caps, and errors that name the place."""

import pytest

from edgeseg.decisions.render import MAX_OUTPUT_CHARS, Renderer, RenderError
from edgeseg.errors import Problem


def render(source: str, **values: object) -> str:
    """Render one template that has no problems."""
    problems: list[Problem] = []
    renderer = Renderer({"t.html": source}, problems)
    assert not problems
    return renderer.render("t.html", values)


def test_values_are_escaped() -> None:
    """A hostile attribute never becomes markup."""
    assert render("<p>{{ x }}</p>", x="<script>") == "<p>&lt;script&gt;</p>"


def test_values_are_never_compiled() -> None:
    """Template code in a value stays text."""
    assert render("{{ x }}", x="{{ 7 * 7 }}") == "{{ 7 * 7 }}"


@pytest.mark.parametrize(
    "source",
    [
        "{{ x.__class__.__mro__ }}",
        "{{ ''.__class__ }}",
        "{{ x.append(1) }}",
        "{{ missing }}",
        "{{ range(10000000) | list }}",
        "{{ 1 / 0 }}",
        "{% include 'other.html' %}",
    ],
)
def test_what_a_template_may_not_do_fails_as_one_error(source: str) -> None:
    """The sandbox, strict names and missing parts all end in `RenderError`."""
    with pytest.raises(RenderError, match=r"t\.html"):
        render(source, x=[1])


def test_output_is_capped() -> None:
    """A template that writes without end is cut off as an error."""
    with pytest.raises(RenderError, match="262,144"):
        render("{% for i in range(900) %}{{ x }}{% endfor %}", x="y" * 1_000)
    assert len(render("{{ x }}", x="y" * MAX_OUTPUT_CHARS)) == MAX_OUTPUT_CHARS


def test_templates_build_on_each_other() -> None:
    """Inheritance and inclusion work among the templates of one version."""
    files = {
        "base.html": "[{% block b %}{% endblock %}]",
        "t.html": "{% extends 'base.html' %}{% block b %}{{ x }}{% endblock %}",
    }
    assert Renderer(files, []).render("t.html", {"x": 1}) == "[1]"


def test_a_syntax_error_names_file_and_line() -> None:
    """It becomes a problem beside those of the rule files."""
    problems: list[Problem] = []
    Renderer({"a/b.html": "<p>\n{% if %}"}, problems)
    assert [(each.file, each.line) for each in problems] == [("a/b.html", 2)]
