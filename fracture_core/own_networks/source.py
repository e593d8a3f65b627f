"""The file of a network of the user's own: read as text, and run where the owner has allowed it.

Its function `features(films)` adds the layers between the rescaled films and the output, as those
of `architectures` do. Whatever is wrong with the file is one sentence with its line.
"""

import linecache
import re
import sys
import traceback
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fracture_core import file_reader
from fracture_core.config.limits import LIMITS
from fracture_core.config.network_options import OwnNetwork
from fracture_core.errors import ConfigError, FileRefused, FractureError
from fracture_core.own_networks import allowed

FUNCTION = "features"
_WRAPPERS = (  # lines of Keras before the error of a layer itself
    "Exception encountered when calling",
    "Could not automatically infer the output shape",
)
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")  # Keras' too


def read(path: Path) -> str:
    """Return the text of a network's file; it is not run.

    Raises:
        ConfigError: it cannot be read, or is too large.
    """
    try:
        return decoded(path.name, file_reader.read_bytes(path, LIMITS.network_file))
    except FileRefused as error:
        raise ConfigError(
            f"{path} cannot be read as a network: the file {error.reason}. Name a Python file."
        ) from error


def decoded(name: str, content: bytes) -> str:
    """Return the text in a network's file, with the line ends of Unix.

    Args:
        name: of the file.
        content: of the file.

    Raises:
        ConfigError: it is too large, no UTF-8 text, or empty.
    """
    if len(content) > LIMITS.network_file:
        raise ConfigError(
            f"{name} has {len(content):,} bytes; a network's file has at most "
            f"{LIMITS.network_file:,}. Name a file with one function."
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{name} must be UTF-8 text, as Python files are; it is not.") from error
    if not text.strip():
        raise ConfigError(f"{name} is empty. See docs/own_network.py for an example.")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def apply(own: OwnNetwork, films: Any) -> Any:
    """Add the layers of a network of the user's own.

    Args:
        own: the network.
        films: Keras tensor, float32 (n, size, size, 1), 0 to 1.

    Returns:
        Keras tensor, float32 (n, h, w, maps) or (n, values).

    Raises:
        ModelError: its code is not allowed here.
        ConfigError: see `error_of`; or it returns something else.
    """
    allowed.check(own)
    try:
        features = _function(own)(films)
    except FractureError:
        raise
    except Exception as error:
        raise error_of(own, error) from error
    _check_output(own, features)
    return features


def _function(own: OwnNetwork) -> Callable[[Any], Any]:
    """Run the file as a module and return its function."""
    name = _module_name(own)
    module = types.ModuleType(name)
    module.__file__ = own.file
    lines = [f"{line}\n" for line in own.source.split("\n")]
    linecache.cache[name] = (len(own.source), None, lines, name)  # for tracebacks and AutoGraph
    sys.modules[name] = module  # Keras looks classes up by their module
    exec(compile(own.source, name, "exec", dont_inherit=True), module.__dict__)
    function = getattr(module, FUNCTION, None)
    if not callable(function):
        raise ConfigError(
            f"{own.file} needs a function called {FUNCTION}; it has none. See docs/own_network.py."
        )
    made: Callable[[Any], Any] = function
    return made


def _module_name(own: OwnNetwork) -> str:
    return f"own_network_{own.sha256}"


def _check_output(own: OwnNetwork, features: Any) -> None:
    """Refuse what is no maps and no values.

    Raises:
        ConfigError: see above.
    """
    import keras

    if not isinstance(features, keras.KerasTensor):
        raise ConfigError(
            f"{own.file}: {FUNCTION} must return what its layers make of the films; it returned "
            f"{type(features).__name__}."
        )
    shape, dtype = tuple(features.shape), features.dtype
    if len(shape) not in (2, 4) or shape[0] is not None or not all(shape[1:]):
        received = str(shape).replace("None", "n", 1)
        raise ConfigError(
            f"{own.file}: {FUNCTION} must return maps (n, h, w, maps) or values (n, values); it "
            f"returned {received}."
        )
    if dtype != "float32":
        raise ConfigError(f"{own.file}: {FUNCTION} must return float32; it returned {dtype}.")


def error_of(own: OwnNetwork, error: Exception) -> ConfigError:
    """Return an error of the file's code as a sentence with the line that it came from."""
    if isinstance(error, SyntaxError):
        line, what = error.lineno, f"Python cannot read it: {error.msg}"
    else:
        calls = traceback.extract_tb(error.__traceback__)
        lines = [call.lineno for call in calls if call.filename == _module_name(own)]
        line = lines[-1] if lines else None
        what = ": ".join(filter(None, [type(error).__name__, said_by(error)]))
    place = f", line {line}" if line else ""
    return ConfigError(f"{own.file}{place}: {what.rstrip('.')}. Correct the file.")


def said_by(error: Exception) -> str:
    """Return the line of an error's text that says what is wrong, without its end; "" for none."""
    lines = [_COLOURS.sub("", line).strip() for line in str(error).splitlines()]
    own = [line for line in lines if line and not line.startswith(_WRAPPERS)]
    return own[0][:300].rstrip(".") if own else ""
