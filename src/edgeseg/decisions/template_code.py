"""What compiled templates run on: how they look names up, and how they put values out.

Jinja2's own ways, in fewer steps, since a page view renders several values in each slot. Where
they do not fit, for what is included and for values that are not plain text, Jinja2's remain.
"""

# Jinja2's hooks have any type.
# ruff: noqa: ANN401
import re
from typing import Any, Final

from jinja2 import Environment, Template, nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.runtime import Context
from jinja2.utils import missing
from markupsafe import escape

_needs_escaping: Final = re.compile("[&<>'\"]").search


def put(value: Any) -> str:
    """Answer a value as a template puts it out: escaped, unless there is nothing to escape."""
    if type(value) is str and not _needs_escaping(value):
        return value
    return escape(value)


class Names(dict[str, Any]):
    """All names that a template is rendered with; others are `missing`, in Jinja2's sense."""

    def __missing__(self, name: str) -> Any:
        """Answer what stands for a name that is not there."""
        return missing


class NamesContext(Context):
    """The context of one rendering, which owns its names: what the template sets joins them.

    What is included, or imported with this, gets a context of its own from Jinja2.
    """

    globals_keys: frozenset[str] = frozenset()  # type: ignore[assignment]

    def __init__(
        self,
        environment: Environment,
        eval_ctx: nodes.EvalContext,
        names: Names,
        template: Template,
    ) -> None:
        """Begin a rendering of ``template`` with ``names``.

        ``eval_ctx`` is the same for all: templates cannot switch what escapes (see
        `output_guard`).
        """
        self.environment = environment
        self.eval_ctx = eval_ctx
        self.parent = self.vars = names
        self.resolve_or_missing = names.__getitem__  # type: ignore[method-assign,assignment]
        self.name = template.name
        self.exported_vars = set()
        blocks = template.blocks
        self.blocks = {each: [blocks[each]] for each in blocks} if blocks else {}


class PuttingGenerator(CodeGenerator):
    """Generates code in which `put` puts values out."""

    def _output_child_pre(self, node: nodes.Expr, frame: Frame, finalize: Any) -> None:
        escapes = frame.eval_ctx.autoescape and not frame.eval_ctx.volatile
        if escapes and finalize.src is None:
            self.write("environment.put(")
        else:
            super()._output_child_pre(node, frame, finalize)
