# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A browser, pages in it that must not fetch anything, and commands of Ansible that must not use what is deprecated."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.nodeprep.istio.tests.report.browser import SIZES
from playwright.sync_api import Browser, Page, sync_playwright

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
        yield started
        started.close()


@pytest.fixture(scope="module", autouse=True)
def ansible_log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The messages of all commands of Ansible that the tests of a file run, which must have no deprecation warning."""
    log = tmp_path_factory.mktemp("log") / "ansible.log"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ANSIBLE_LOG_PATH", str(log))
        patch.setenv("ANSIBLE_INJECT_FACT_VARS", "false")
        yield log
    messages = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    assert [line for line in messages if "[DEPRECATION WARNING]" in line] == []


@pytest.fixture
def opened(browser: Browser):
    """Return a function that opens a report. After the test, the page must have fetched nothing and have no error."""
    contexts, problems = [], []

    def open_report(path: Path, size: str = "wide", scheme: str = "light", **options: object) -> Page:
        contexts.append(browser.new_context(viewport=SIZES[size], color_scheme=scheme, **options))
        page = contexts[-1].new_page()
        page.on("request", lambda request: None if request.url == path.as_uri() else problems.append(request.url))
        page.on("console", lambda message: problems.append(message.text))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("dialog", lambda dialog: (problems.append(dialog.message), dialog.dismiss()))
        page.goto(path.as_uri())
        return page

    yield open_report
    for context in contexts:
        context.close()
    assert problems == []
