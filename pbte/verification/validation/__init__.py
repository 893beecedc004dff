"""Cases whose answer is known, one file for each subject; `pbte validate` finds them by itself.

A module here has a function `cases()` that returns a list of `ValidationCase`. Nothing else is
needed to add some. Modules whose name begins with an underscore are left alone.
"""
