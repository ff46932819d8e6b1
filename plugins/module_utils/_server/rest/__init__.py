# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The management API of servers 0.13 to 0.15, over HTTP with JSON.

Facts are from recorded exchanges (tests/conformance/rest-0.13.4 and rest-0.15.5) unless a docstring says otherwise.
"""
