"""The command line: `jetimg models COMMAND`, or `python -m models COMMAND`.

Exit codes: 0 done, 1 the data are at fault, 2 the call is at fault. What a command needs is imported
when it runs, so that help comes at once.
"""

from jetimg.cli import options
from models.cli import classifying, evaluation, exporting, inference, training

app = options.app("Detectors of jets: train them and use them.")
for group in (training, inference, evaluation, classifying, exporting):
    app.add_typer(group.app)


def main() -> None:
    """Runs a command."""
    options.run(app)
