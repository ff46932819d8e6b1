# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a mail server answers, and what it can be told, in the words of neither API generation.

Lists are tuples, so that a model can be compared and kept. Names and addresses are as the server spells them.
"""
