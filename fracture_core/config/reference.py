"""An epoch of a run by name: RUN@EPOCH."""

from dataclasses import dataclass

from fracture_core.words import whole_number


@dataclass(frozen=True, kw_only=True)
class Reference:
    """An epoch of a run; as text RUN@EPOCH."""

    run: str
    epoch: int

    @classmethod
    def parse(cls, text: str) -> "Reference | None":
        """Return the reference that a text is; `None` if it is not a name, "@" and an epoch."""
        run, _, number = text.rpartition("@")
        epoch = whole_number(number)
        return cls(run=run, epoch=epoch) if run and epoch is not None else None

    def __str__(self) -> str:
        return f"{self.run}@{self.epoch}"
