"""fault.py - the two ways in which a scenario ends early."""


class Fault(Exception):
    """The system under test did not do what it should: in words, one line if possible."""


class LabError(Exception):
    """The lab itself failed: a package is missing, a machine does not boot."""
