"""Render variants: Jinja2 in its immutable sandbox, compiled at load, capped in output."""

from collections.abc import Iterable, Mapping
from typing import Final

from jinja2 import DictLoader, StrictUndefined, Template, TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from edgeseg.errors import EdgesegError, Problem

MAX_OUTPUT_CHARS: Final = 262_144


class RenderError(EdgesegError):
    """A template failed; the slot shows its fallback."""


class Renderer:
    """All templates of one version of the rules. Values are escaped, never compiled."""

    def __init__(self, templates: Mapping[str, str], problems: list[Problem]) -> None:
        """Compile ``templates``, name → source; syntax errors go to ``problems``."""
        environment = ImmutableSandboxedEnvironment(
            loader=DictLoader(templates),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._templates: dict[str, tuple[Template, dict[str, object]]] = {}
        for name in templates:
            try:
                template = environment.get_template(name)
                self._templates[name] = (template, dict(template.globals))
            except TemplateSyntaxError as error:
                file, message = error.name or name, error.message or "syntax error"
                problem = Problem(file=file, line=error.lineno, column=1, message=message)
                problems.append(problem)

    def render(self, name: str, values: Mapping[str, object]) -> str:
        """Answer the HTML of one template.

        Raises:
            RenderError: the template failed or its output is over `MAX_OUTPUT_CHARS`.
        """
        try:
            template, names = self._templates[name]
            # As `Template.generate` does it, without copying the same names each time.
            context = template.new_context({**names, **values}, shared=True)
            html = _capped(template.root_render_func(context))
        except Exception as error:  # filters raise anything; the page must not break by it
            message = f"template {name}: {type(error).__name__}: {error}"
            raise RenderError(message) from error
        if html is None:
            message = f"template {name}: output over {MAX_OUTPUT_CHARS:,} characters"
            raise RenderError(message)
        return html


def _capped(pieces: Iterable[str]) -> str | None:
    """Join the pieces, None once they are over `MAX_OUTPUT_CHARS`."""
    kept, length = [], 0
    for piece in pieces:
        length += len(piece)
        if length > MAX_OUTPUT_CHARS:
            return None
        kept.append(piece)
    return "".join(kept)
