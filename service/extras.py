"""The parts that the service can do without, and all that each of them adds.

To take a part away, remove its line here and its modules. Imports nothing: an application and the console script look
up what they need of each part.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Extra:
    """A part that can be taken away. Everything is named as `module:object`.

    :param name: Of its package.
    :param views: Its views (`service.pages.shared.Views`).
    :param tabs: Its words (`WordsWithTabs`), with its links in the newsroom's menu; None where it has none.
    :param commands: Its commands.
    :param reports: Its commands under `lienquan report`.
    :param endpoints: Its operations of the API (`service.answers.endpoints.Endpoint`); None where it has none.
    """

    name: str
    views: str
    tabs: str | None = None
    commands: tuple[str, ...] = ()
    reports: tuple[str, ...] = ()
    endpoints: str | None = None


EXTRAS = (
    Extra(
        "judging",
        views="service.pages.judging:views",
        tabs="service.wording.judging:JudgingWords",
        commands=("service.commands.judgements:judgements",),
    ),
    Extra(
        "vocabulary",
        views="service.pages.vocabulary:views",
        tabs="service.wording.vocabulary:VocabularyWords",
        commands=("service.commands.words:words",),
    ),
    Extra("overview", views="service.pages.mapping:views", tabs="service.wording.map:MapWords"),
    Extra("comparison", views="service.pages.comparing:views", commands=("service.commands.comparing:compare",)),
    Extra(
        "clicks",
        views="service.pages.counting:views",
        reports=("service.commands.clicks:report_clicks",),
        endpoints="service.clicks.events:ENDPOINTS",
    ),
)
"""All of them, in the order of the menu."""
