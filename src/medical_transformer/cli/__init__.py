"""`medtrans`: one small file per verb.

Exit status: 0 all done, 1 some scans failed (they are listed) or a run could not go on, 2 wrong usage, 143 ended by
SIGTERM.
"""

import signal
import sys

from medical_transformer.cli.app import build_app
from medical_transformer.errors import FolderInUseError, MedicalTransformerError, TrainingError, sentence_of

__all__ = ["main"]


def main() -> None:
    """Run the command line; an error of this package is one line on stderr and never a traceback.

    SIGTERM, by which clusters and services end a program, ends it as Ctrl-C does: workers and temporary files go too.
    """
    signal.signal(signal.SIGTERM, _leave)
    try:
        build_app()()
    except MedicalTransformerError as error:
        print(f"medtrans: {error}", file=sys.stderr)
        sys.exit(1 if isinstance(error, (TrainingError, FolderInUseError)) else 2)
    except OSError as error:
        print(f"medtrans: {sentence_of(error)}", file=sys.stderr)
        sys.exit(1)


def _leave(number: int, _frame: object) -> None:
    # A second one ends the program at once, should clearing up wait for something that never comes.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    sys.exit(128 + number)
