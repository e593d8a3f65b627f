"""All errors that the library raises on purpose, in one tree.

    FractureError
    ├── ConfigError        a setting is unknown or out of its range
    ├── DataError          a data set cannot be read as a whole
    │   ├── FilmError      one image file cannot be used; the others can
    │   └── ClassesError   class folders were given without a positive class
    ├── RunError           a run cannot do what was requested
    │   ├── RunNotFound
    │   ├── RunNameTaken
    │   ├── RunBusy        its child process is running already
    │   └── DamagedFile    a file of it is not what was written
    ├── ModelError         a model cannot be found, or must not be loaded
    ├── TrainingFailed     a run ended for a reason that a person can act on
    ├── NotOwner           a visitor requested an action of the owner of a room
    ├── WriteFailed        the disk refused a file of ours; an OSError as well
    ├── FileRefused        a file is no regular file, too large, or of wrong content
    │   └── FileMissing    there is no file of this name
    └── Stopped            long work stopped on request

The text of each is one or two sentences: the rule, the received value, the next step. Pages and
the command line show it unchanged; any other exception is a bug.
"""

from fracture_core.words import readable


class FractureError(Exception):
    """Base of all errors whose text is for a person.

    A very long text is cut, see `words.readable`.
    """

    def __str__(self) -> str:
        return readable(super().__str__())


class ConfigError(FractureError):
    """A setting is unknown, of the wrong kind, or out of its range."""


class DataError(FractureError):
    """A data set as a whole cannot be read."""


class FilmError(DataError):
    """One image file cannot be used; the other files can.

    Args:
        name: the file's name as the person sees it.
        reason: a clause that follows the name ("is empty").
    """

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name} {reason}")
        self.name = name
        self.reason = reason


class ClassesError(DataError):
    """Class folders were given without a positive class.

    Args:
        message: the sentence to show.
        classes: the folder names to choose from.
    """

    def __init__(self, message: str, classes: tuple[str, ...]) -> None:
        super().__init__(message)
        self.classes = classes


class RunError(FractureError):
    """A run cannot do what was requested."""


class RunNotFound(RunError):
    """No run folder has this name."""


class RunNameTaken(RunError):
    """A run folder with this name exists already."""


class RunBusy(RunError):
    """The run's child process is running, so it cannot be started again."""


class DamagedFile(RunError):
    """A file of a run is not what was written; its other files can still be used."""


class ModelError(FractureError):
    """A model cannot be found, or must not be loaded."""


class TrainingFailed(FractureError):
    """A run ended for a reason that a person can act on (no positive film, loss not finite)."""


class NotOwner(FractureError):
    """A visitor of a room requested an action that is reserved to its owner."""


class WriteFailed(FractureError, OSError):
    """The disk refused a file: no space, no permission. The old content is unchanged."""


class FileRefused(FractureError):
    """A file is no regular file, too large, or of wrong content.

    Args:
        name: the file's name.
        reason: a clause that follows the name ("is a pipe, not a file").
    """

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name} {reason}. Put the file back as it was.")
        self.name = name
        self.reason = reason


class FileMissing(FileRefused):
    """There is no file of this name."""


class Stopped(FractureError):
    """Long work stopped on request; its finished parts are saved."""
