"""What pages send of related lists, as pydantic models, and its entry in the API's document."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from service.answers.endpoints import Endpoint, Example
from service.schemas import RequestModel


class ClickEvent(RequestModel):
    """What became of one list on a page."""

    token: Annotated[
        str, Field(alias="list", min_length=1, max_length=40_000, description="The `list` of the answer shown")
    ]
    shown: Annotated[
        tuple[Annotated[int, Field(ge=1, le=50)], ...], Field(max_length=50, description="The positions seen, from 1")
    ] = ()
    clicked: Annotated[int | None, Field(ge=1, le=50, description="The position that was clicked")] = None

    @model_validator(mode="after")
    def _something(self) -> ClickEvent:
        if not self.shown and self.clicked is None:
            raise ValueError("shown: expected at least one position in shown, or one in clicked")
        return self


class ClicksBody(RequestModel):
    """What a page tells of its related lists; nothing of its reader."""

    events: Annotated[list[ClickEvent], Field(min_length=1, max_length=20)]


ENDPOINTS = (
    Endpoint(
        "post",
        "/api/v1/clicks",
        "Related",
        "Tell what of related lists was shown and clicked",
        "404 unless the setting `clicks` is on; then related answers carry the `list` that is sent back here. Any "
        "media type will do, so that `navigator.sendBeacon` needs no preflight. Nothing of the reader is kept.",
        body=ClicksBody,
        success={204: "All of it is counted"},
        statuses=(403, 404),
        examples=(
            Example(
                "Three seen, the second one clicked (where clicks are not counted)",
                body={"events": [{"list": "as the related answer has it", "shown": [1, 2, 3], "clicked": 2}]},
                status=404,
            ),
        ),
    ),
)
