"""The console script `lienquan`: joins the commands and sets up logging.

Results go to stdout, progress and logs to stderr. Exit status 0, 1 (failed), 2 (wrong use). A command's libraries are
imported when it runs: numpy and the model libraries take seconds, and `serve` must share out cores before that.
"""

from __future__ import annotations

import logging
import os
import sys
from pkgutil import resolve_name

import click

from indexer.files import private
from service.commands import (
    archive,
    articles,
    asking,
    audit,
    exporting,
    following,
    keys,
    operating,
    rules,
    upkeep,
)
from service.extras import EXTRAS


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="lienquan", prog_name="lienquan")
@click.option("-v", "--verbose", is_flag=True, help="Log more, to stderr.")
def main(verbose: bool) -> None:
    """Semantic search and related news for Vietnamese newspapers."""
    before = private.owner_only()
    click.get_current_context().call_on_close(lambda: os.umask(before))
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        force=True,
    )
    for floor in ("models", "indexer", "service"):
        logging.getLogger(floor).setLevel(logging.DEBUG if verbose else logging.INFO)


for _command in (
    *(archive.index, archive.merge, archive.sources),
    *(following.sync, following.status),
    *(asking.search, asking.related, asking.evaluate, exporting.export),
    *(operating.serve, operating.snapshots, operating.models, rules.rules, articles.articles, keys.keys),
    audit.audit,
    *(upkeep.show_settings, upkeep.doctor, upkeep.report, upkeep.backup, upkeep.verify_backup, upkeep.restore),
):
    main.add_command(_command)
for _extra in EXTRAS:
    for _place in _extra.commands:
        main.add_command(resolve_name(_place))
    for _place in _extra.reports:
        upkeep.report.add_command(resolve_name(_place))


if __name__ == "__main__":
    main()
