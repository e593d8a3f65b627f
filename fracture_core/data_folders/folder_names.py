"""Names of folders and classes that mean the same though they are spelled differently."""

import re
import unicodedata

_SPLITS = {
    "train": "train training trainset trainingset traindata trainingdata",
    "valid": "valid val validation validate validset valset validationset valdata validationdata",
    "test": "test testing testset testingset testdata testingdata",
}
_SPLIT_OF = {name: split for split, names in _SPLITS.items() for name in names.split()}
_GAPS = re.compile(r"[\s_]+|(?<=[^\W_])-+(?=[^\W_])")  # a minus in front of a number stays
_ZEROS = re.compile(r"(?<![\d.])0+(?=\d)")  # in front of a whole number
_NO_FRACTION = re.compile(r"(?<=\d)\.0+(?!\d)")  # pandas writes 1 as 1.0


def key(name: str) -> str:
    """Return what names share that differ only in case, in composed or decomposed accents, in
    blanks, underscores or hyphens, or in zeros: "Not_Fractured" and "not fractured", "0" and "00".
    """
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return _ZEROS.sub("", _NO_FRACTION.sub("", _GAPS.sub("", text)))


def split_of(name: str) -> str | None:
    """Return the split that a folder or value of this name is; `None` for any other name."""
    return _SPLIT_OF.get(key(name))
