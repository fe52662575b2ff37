"""``fitserve train``."""

from __future__ import annotations

from typing import Any

import click

from fitserve.cli import BEGUN
from fitserve.cli.output import (
    json_option,
    print_json,
    print_table,
    read_options,
    say,
    shown_interval,
    workspace_option,
)
from fitserve.cli.show_progress import ProgressLine
from fitserve.errors import SpecError

_SPELLING = "How its texts are meant: 1234.56, 1.234,56 and the like; day-first, month-first; any-case (Yes is yes)."
_MISSING = "The values that mean that there is none, such as age=999 or plan=NA,-; plan= means blank cells alone."
_MISSING_USAGE = "--missing takes COLUMN=VALUES, such as age=999"
_OF_THE_RUN = (
    "target",
    "task",
    "metric",
    "exclude",
    "time",
    "group",
    "shuffle",
    "weight",
    "class_weight",
    "force",
    "learning_curve",
    "no_refit",
)


@click.command()
@click.argument("sources", metavar="[SOURCE]...", nargs=-1)
@click.option("--target", help="The column to predict.")
@click.option("--name", help="The model's name; default: the file's.")
@click.option("--budget", default="60s", show_default=True, help="Time for the whole training: 90, 60s, 5m, 1h.")
@click.option("--learner", "learners", multiple=True, help="Try only this learner; may be given several times.")
@click.option("--task", help="What to predict, such as classification; default: found out from the target.")
@click.option(
    "--role", "roles", multiple=True, metavar="ROLE=COLUMN", help="A column that a task needs by a name of its."
)
@click.option("--metric", help="The score to choose by, such as roc_auc, log_loss, rmse.")
@click.option("--kind", "kinds", multiple=True, metavar="COLUMN=KIND", help="What a column holds, if found out wrong.")
@click.option("--spelling", "spellings", multiple=True, metavar="COLUMN=SPELLING", help=_SPELLING)
@click.option("--missing", multiple=True, metavar="COLUMN=VALUES", help=_MISSING)
@click.option("--exclude", multiple=True, metavar="COLUMN", help="A column to leave out.")
@click.option("--time", metavar="COLUMN", help="Rows are in this order: evaluate on the last ones.")
@click.option("--group", metavar="COLUMN", help="Rows with one value here belong together: evaluate on others.")
@click.option("--shuffle", is_flag=True, help="Evaluate on random rows even if they stand in the order of a date.")
@click.option("--force", is_flag=True, help="Train although a check says that the scores would be a lie.")
@click.option("--weight", metavar="COLUMN", help="How much a row counts in training; scores count all alike.")
@click.option("--class-weight", type=click.Choice(["balanced"]), help="Let rare labels count as much as others.")
@click.option("--seed", default=0, show_default=True, help="For the split and everything random.")
@click.option("--learning-curve", is_flag=True, help="Tell, too, whether more rows would help; takes longer.")
@click.option("--no-refit", is_flag=True, help="Serve the model that was evaluated; it has not seen the test part.")
@read_options
@click.option("--no-keep", is_flag=True, help="Do not keep the table in the workspace; a replay needs the file then.")
@click.option("--promote", is_flag=True, help="Make the new version the champion.")
@click.option(
    "--promote-if-better", is_flag=True, help="Make it the champion if it is better on rows that neither has seen."
)
@click.option("--replay", metavar="RUN", help="Repeat a recorded training without a clock; gives the same bits.")
@workspace_option
@json_option
def train(source: Any, reading: Any, as_json: bool, workspace: str | None, replay: str | None, **options: Any) -> None:
    """Train a model on SOURCE, a table, and register it as a new version.

    SOURCE is a file (CSV, JSON, JSON Lines, Parquet, Arrow, a spreadsheet), several files or a pattern with the
    same columns, "-" for standard input, or with --sql the URL of a database.

    Learners are tried within the budget. The best one that can be served is evaluated on rows that it has not seen, and
    then fitted again in the same way on all rows, compiled, and checked against itself.
    """
    from fitserve.training.run import Order, replay_run, train_model

    spec: Any = None if replay else _spec(source, options)
    name = _name(source, options, replay, workspace)
    order = Order(
        name, _promotion(options), reading, guessed=not (options["name"] or replay), keep=not options["no_keep"]
    )
    opened = _ready(order.name, workspace)
    with ProgressLine(quiet=as_json) as line:
        if replay:
            _leave_to_the_run(options)
            run = replay_run(replay, source, order, opened, line)
        else:
            run = train_model(source, spec, order, opened, line, click.get_current_context().meta.get(BEGUN))
    if as_json:
        print_json(run.as_json())
    else:
        _tell(run)


def _name(source: Any, options: dict[str, Any], replay: str | None, workspace: str | None) -> str:
    from fitserve.store import Workspace
    from fitserve.training.run import model_name

    if options["name"]:
        return str(options["name"])
    return Workspace.open(workspace).run(replay).model if replay else model_name(source)


def _promotion(options: dict[str, Any]) -> str:
    if options["promote"] and options["promote_if_better"]:
        raise SpecError("--promote and --promote-if-better exclude each other; give one")
    return "always" if options["promote"] else "if-better" if options["promote_if_better"] else "never"


def _ready(name: str, workspace: str | None) -> Any:
    """The workspace, once it is sure that it can take a version of this name: before the work, not after it."""
    from fitserve.store import Workspace
    from fitserve.store.records import check_model_name

    check_model_name(name)
    opened = Workspace.open(workspace)
    with opened.staging():
        return opened


def _leave_to_the_run(options: dict[str, Any]) -> None:
    """Refuse what a replay takes from its run."""
    for name, flag in (
        ("learners", "learner"),
        ("kinds", "kind"),
        ("spellings", "spelling"),
        ("missing", "missing"),
        ("roles", "role"),
        *((n, n.replace("_", "-")) for n in _OF_THE_RUN),
    ):
        if options[name]:
            shown = flag.replace("_", "-")
            raise SpecError(f"--replay takes --{shown} from the run; leave --{shown} out")


def _spec(source: Any, options: dict[str, Any]) -> Any:
    from fitserve.training.spec import Spec, seconds_of

    if source is None:
        raise SpecError("name the file to train on: fitserve train houses.csv --target price")

    if not options["target"] and not options["task"]:
        from fitserve.data.reading.read import name_of

        raise SpecError(f"name the column to predict: fitserve train {name_of(source)} --target COLUMN")
    return Spec(
        target=options["target"],
        task=options["task"],
        roles=_columns_by_role(options["roles"]),
        metric=options["metric"],
        budget=seconds_of(options["budget"]),
        learners=list(options["learners"]) or None,
        kinds=_by_column(options["kinds"], "--kind takes COLUMN=KIND, such as zip=category"),
        spellings=_by_column(options["spellings"], "--spelling takes COLUMN=SPELLING, such as price=1.234,56"),
        missing={name: values.split(",") for name, values in _by_column(options["missing"], _MISSING_USAGE).items()},
        exclude=list(options["exclude"]),
        time=options["time"],
        group=options["group"],
        shuffle=options["shuffle"],
        force=options["force"],
        weight=options["weight"],
        class_weight=options["class_weight"],
        seed=options["seed"],
        learning_curve=options["learning_curve"],
        refit=not options["no_refit"],
    )


def _columns_by_role(entries: tuple[str, ...]) -> dict[str, str]:
    """Entries such as series=sales by their role."""
    found = {}
    for entry in entries:
        role, equals, column = entry.partition("=")
        if not equals:
            raise SpecError(f"--role takes ROLE=COLUMN, such as series=sales, not {entry!r}")
        found[role] = column
    return found


def _by_column(entries: tuple[str, ...], usage: str) -> dict[str, str]:
    """Entries such as zip=category by their column."""
    found = {}
    for entry in entries:
        column, equals, value = entry.rpartition("=")
        if not equals:
            raise SpecError(f"{usage}, not {entry!r}")
        found[column] = value
    return found


def _tell(run: Any) -> None:
    """The result for people: what was chosen, how good it is, what to do next."""
    from fitserve.evaluation.sentences import as_sentence, served_words
    from fitserve.messages import render
    from fitserve.tasks import get_task
    from fitserve.training.card_words import who_predicted

    manifest, record = run.manifest, run.record
    if run.interrupted:
        say("Interrupted: the best of what was finished was kept.")
    say(f"{record.model} version {record.version}: {manifest.learner}, predicts {manifest.predicts!r}")
    answerer = get_task(manifest.task).load(manifest.answer)
    for note in map(render, answerer.summary(manifest.learner)[1:]):
        say(note)
    for finding in run.findings:
        say(f"- {finding}")
    say("", f"Scores on {manifest.evaluation['on']}, {manifest.evaluation['rows']} rows:")
    intervals = manifest.intervals
    rows = [
        (
            f"{name} *" if name == manifest.metric else name,
            manifest.scores[name],
            shown_interval(intervals[name]),
            manifest.baseline.get(name),
        )
        for name in answerer.shown(list(manifest.scores))
    ]
    print_table(("score", "model", "95 % interval", "without learning"), rows)
    say("(* the score to choose by)", "")
    if manifest.refitted:
        say(served_words(*manifest.learned_rows), "")
    if how := who_predicted(manifest.measured_on):
        say(f"So few rows leave no test part. {render(how)}", "")
    if run.promotion:
        say(render(as_sentence(run.promotion)))
    if run.champion != record.version:
        say(f"THE CHAMPION HAS NOT MOVED: version {run.champion} still answers.", bold=True)
        say(f"To let version {record.version} answer: fitserve models promote {record.model} {record.version}")
    if run.tried_all:
        say(f"All {run.tried} candidates were evaluated; {run.seconds:.0f} s were used, and nothing is left to try.")
    for note in run.kept:
        say(render(as_sentence(note)))
    say(f"The whole report: fitserve models show {record.model} {record.version} --html report.html")
    version = "" if run.champion == record.version else f":{record.version}"
    say(f"Serve it: fitserve serve {record.model}{version}")
