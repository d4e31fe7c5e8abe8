"""Tools for who develops Bridge. None of them is part of the wheel."""
