"""All verbs in the order of the work."""

from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from medical_transformer import __version__
from medical_transformer.cli.compare import compare
from medical_transformer.cli.demo import demo
from medical_transformer.cli.draw import draw
from medical_transformer.cli.evaluate import evaluate
from medical_transformer.cli.export import export
from medical_transformer.cli.finetune import finetune
from medical_transformer.cli.index import index
from medical_transformer.cli.methods import methods
from medical_transformer.cli.models import models
from medical_transformer.cli.options import WORDS
from medical_transformer.cli.predict import predict
from medical_transformer.cli.prepare import prepare
from medical_transformer.cli.pretrain import pretrain

VERBS = (index, prepare, pretrain, finetune, evaluate, compare, predict, export, models, methods, draw, demo)


def _without_types_of_flags(parameters: list[Any]) -> list[Any]:
    """A flag is given or not; nobody types its `<bool>`."""
    for one in parameters:
        if getattr(one, "is_flag", False):
            one.metavar = ""
    return parameters


class _Verb(TyperCommand):
    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        ctx.meta[WORDS] = tuple(args)
        return super().parse_args(ctx, args)

    def get_params(self, ctx: Any) -> list[Any]:
        return _without_types_of_flags(super().get_params(ctx))


class _Group(TyperGroup):
    def get_params(self, ctx: Any) -> list[Any]:
        return _without_types_of_flags(super().get_params(ctx))


def build_app() -> typer.Typer:
    """Return the command line."""
    app = typer.Typer(
        name="medtrans",
        cls=_Group,
        help="A universal brain encoder for 3-D MRI: from raw scans to an honest result.",
        invoke_without_command=True,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    app.callback()(_root)
    for verb in VERBS:
        app.command(cls=_Verb)(verb)
    return app


def _root(
    version: Annotated[bool, typer.Option("--version", help="Show the version and leave.")] = False,
) -> None:
    """A universal brain encoder for 3-D MRI: from raw scans to an honest result."""
    if version:
        typer.echo(f"medical-transformer {__version__}")
        raise typer.Exit
