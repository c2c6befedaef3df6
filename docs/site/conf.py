# Copyright (c) 2026, nodeprep.istio contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of Sphinx for the site that ``make docs`` builds."""

import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "docs" / "site"))

project = "nodeprep.istio"
author = "nodeprep.istio contributors"
project_copyright = f"2026, {author}"
release = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))["version"]
version = release

extensions = ["myst_parser", "sphinx_antsibull_ext", "file_links"]
# Nothing is downloaded, so references to Ansible's own documentation are links that file_links makes.
nitpicky = True
myst_heading_anchors = 4
highlight_language = "YAML+Jinja"
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "github-dark"

html_theme = "furo"
html_title = f"nodeprep.istio {release}"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
html_use_index = False
# The colours of antsibull-docs know only the setting of the system; site.css has them for both themes of the page.
antsibull_ext_color_scheme = "none"
