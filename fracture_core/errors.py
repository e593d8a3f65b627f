"""Every error that the library raises on purpose, in one tree.

    FractureError
    ├── ConfigError        a setting is unknown or out of its range
    ├── DataError          a data set cannot be read as a whole
    │   ├── FilmError      one image file cannot be used; the others can
    │   └── ClassesError   class folders were given without saying which class is positive
    ├── RunError           a run cannot do what was asked of it
    │   ├── RunNotFound
    │   ├── RunNameTaken
    │   ├── RunBusy        its child process is alive already
    │   └── DamagedFile    a file of it is not what was written
    ├── ModelError         a model cannot be found, or must not be loaded
    ├── TrainingFailed     a run ended for a reason that its reader can act on
    ├── NotOwner           a visitor asked for what only the owner of a room may do
    ├── WriteFailed        the disk refused a file of ours; an OSError as well
    ├── FileRefused        a file is no file, too large, or does not hold what it must
    │   └── FileMissing    there is no file of this name
    └── Stopped            long work was asked to stop and did

The text of each is one or two sentences: the rule, what was received, the next step. Pages and
the command line show it as it stands; anything else that is raised is a defect of ours.
"""

from fracture_core.words import readable


class FractureError(Exception):
    """Base of all errors that are meant to be read by a person.

    Its text is cut where somebody sent us a whole book, see `words.readable`.
    """

    def __str__(self) -> str:
        return readable(super().__str__())


class ConfigError(FractureError):
    """A setting is unknown, of the wrong kind, or out of its range."""


class DataError(FractureError):
    """A data set as a whole cannot be read."""


class FilmError(DataError):
    """One image file cannot be used; it never costs the files beside it.

    Args:
        name: the file's name as the person knows it.
        reason: why, as a clause that follows the name ("is empty").
    """

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name} {reason}")
        self.name = name
        self.reason = reason


class ClassesError(DataError):
    """Class folders were given without saying which class is positive.

    Args:
        message: the sentence to show.
        classes: the folder names to choose from.
    """

    def __init__(self, message: str, classes: tuple[str, ...]) -> None:
        super().__init__(message)
        self.classes = classes


class RunError(FractureError):
    """A run cannot do what was asked of it."""


class RunNotFound(RunError):
    """No run folder has this name."""


class RunNameTaken(RunError):
    """A run folder with this name exists already."""


class RunBusy(RunError):
    """The run's child process is alive, so it cannot be started again."""


class DamagedFile(RunError):
    """A file of a run is not what was written; its other files can still be used."""


class ModelError(FractureError):
    """A model cannot be found, or must not be loaded."""


class TrainingFailed(FractureError):
    """A run ended for a reason that its reader can act on (no positive film, loss not finite)."""


class NotOwner(FractureError):
    """A visitor of a room asked for what only its owner may do."""


class WriteFailed(FractureError, OSError):
    """The disk refused a file: no space, no permission. What was there before is as it was."""


class FileRefused(FractureError):
    """A file is no regular file, too large, or does not hold what it must.

    Args:
        name: the file's name.
        reason: why, as a clause that follows the name ("is a pipe, not a file").
    """

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name} {reason}. Put the file back as it was.")
        self.name = name
        self.reason = reason


class FileMissing(FileRefused):
    """There is no file of this name."""


class Stopped(FractureError):
    """Long work was asked to stop, and did; what it had finished is kept."""
