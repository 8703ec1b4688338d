"""The few errors a user can meet. Each message is one line: what, the offending value, where, what to do."""


class SmartnetError(Exception):
    """Base of all errors that a user can act on; its text is meant to be read as it stands."""


class ConfigError(SmartnetError):
    """The study's configuration is wrong (unknown key, impossible value, contradictory settings)."""


class DataError(SmartnetError):
    """Input data cannot be used as the configuration says (missing, empty, mismatching, leaking)."""


class ModelError(SmartnetError):
    """A network cannot be built, loaded or fed as asked (shape, head, weights)."""


class PrivacyError(SmartnetError):
    """An artifact holds what identifies a patient; its text says where, one line per place."""
