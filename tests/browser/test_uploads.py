"""Every way in on Diagnose, in a real browser: files, a zip, a folder, DICOM."""

import re
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from fracture_core.datasets import catalog
from tests.browser.conftest import Server
from tests.core.dicoms import PATIENT, make

VERDICT = re.compile("The model finds (a|no) fracture")


@pytest.fixture
def page(shared_server: Server, open_page: Callable[..., Page], finished_run: Path) -> Page:
    """Diagnose with a small trained network."""
    return open_page(f"{shared_server.url}/diagnose?model={finished_run.name}")


@pytest.fixture
def studies(phantom_root: Path) -> dict[str, list[Path]]:
    """Two studies with their films."""
    manifest = catalog.read(phantom_root).manifest
    groups = manifest.groupby(catalog.study_key(manifest), sort=False)["path"]
    return {key: [phantom_root / path for path in paths] for key, paths in list(groups)[:2]}


def drop(page: Page, what: list[Path] | Path) -> None:
    page.locator("input[type=file]").first.set_input_files(what)


@pytest.mark.slow
def test_a_zip_of_two_studies(page: Page, studies: dict[str, list[Path]], tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        for number, films in enumerate(studies.values(), 1):
            for film in films:
                archive.write(film, f"study{number}/{film.name}")
        archive.writestr("study1/notes.txt", "no film")
    drop(page, tmp_path / "two.zip")
    expect(page.get_by_text("2 studies in this upload")).to_be_visible(timeout=60_000)
    expect(page.get_by_role("heading", name=VERDICT)).to_be_visible()
    expect(page.get_by_text("study1 ·")).to_be_visible()
    expect(page.get_by_text("1 text file ignored.")).to_be_visible()
    page.get_by_label("Study of the upload").click()
    page.get_by_role("option", name="study2").click()
    expect(page.get_by_text("study2 ·")).to_be_visible()


@pytest.mark.slow
def test_a_folder_with_folders(page: Page, studies: dict[str, list[Path]], tmp_path: Path) -> None:
    for number, films in enumerate(studies.values(), 1):
        folder = tmp_path / "patient" / f"study{number}"
        folder.mkdir(parents=True)
        for film in films:
            shutil.copy(film, folder)
    page.get_by_text("A folder", exact=True).click()
    expect(page.locator("input[type=file][webkitdirectory]")).to_have_count(1)
    drop(page, tmp_path / "patient")
    expect(page.get_by_text("2 studies in this upload")).to_be_visible(timeout=60_000)


@pytest.mark.slow
def test_dicom_beside_png(page: Page, studies: dict[str, list[Path]], tmp_path: Path) -> None:
    values = np.add.outer(np.arange(200), np.arange(160)).astype(np.uint16) * 100
    (tmp_path / "film.dcm").write_bytes(make(values))
    (tmp_path / "broken.dcm").write_bytes(make(values)[:900])
    drop(page, [tmp_path / "film.dcm", tmp_path / "broken.dcm"])
    expect(page.get_by_role("heading", name=VERDICT)).to_be_visible(timeout=60_000)
    expect(page.get_by_text("film.dcm").first).to_be_visible()
    expect(page.get_by_text("broken.dcm").first).to_be_visible()
    assert PATIENT not in page.content() and "4711" not in page.content()
