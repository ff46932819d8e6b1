# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How Sphinx renders the pages that antsibull-docs writes from the plugins (`make html`)."""

from __future__ import annotations

project = "stalwart.mail"
html_title = "stalwart.mail"
extensions = ["sphinx_antsibull_ext"]
html_theme = "alabaster"
pygments_style = "ansible"
highlight_language = "YAML+Jinja"
default_role = "any"
html_copy_source = False
html_use_index = False
# References to Ansible's own documentation, which is not at hand when this is built.
nitpicky = False
suppress_warnings = ["ref.any", "ref.ref"]
