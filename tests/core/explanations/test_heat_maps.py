"""Heat maps: they show the evidence that the network uses, and change with its weights."""

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from fracture_core.config.film_settings import PixelRecipe
from fracture_core.config.network_options import NetworkOptions
from fracture_core.epochs import predictions
from fracture_core.errors import ConfigError
from fracture_core.explanations import heat_maps
from fracture_core.explanations.heat_maps import HeatMap
from fracture_core.films import images
from fracture_core.models import epoch_models
from fracture_core.networks import architectures
from fracture_core.prediction.inference import Predictor
from fracture_core.runs import journal
from tests.core.every_network import SOME

SIZE = 32
BOTH = pytest.mark.parametrize("method", heat_maps.METHODS)


class OwnPredictor(Predictor):
    """A Predictor of a network built by the test."""

    def __init__(self, network: keras.Model) -> None:
        self.network = network
        self.recipe = PixelRecipe(size=SIZE)

    def probabilities(self, pixels: np.ndarray) -> np.ndarray:
        """Return what the Predictor's method does."""
        return self.network(pixels[..., None].astype(np.float32), training=False).numpy()[:, 0]


@pytest.fixture(scope="module")
def predictor(finished_run) -> Predictor:
    """A Predictor of the finished run's last epoch."""
    return Predictor(epoch_models.of_run(finished_run, 3))


@pytest.fixture(scope="module")
def films(finished_run, phantom_root) -> np.ndarray:
    """Some of the run's films as its network sees them."""
    rows = predictions.predicted_films(journal.films(finished_run)).head(4)
    return np.stack([images.load(phantom_root / path, PixelRecipe()) for path in rows["path"]])


def corner_watcher(tmp_path: Path, finished_run: Path) -> Predictor:
    """A one_conv that answers by how bright the film's corner at the top right is, and no more."""
    options = NetworkOptions(dense=(1,))
    network = architectures.build("one_conv", SIZE, dense=(1,))
    for layer in network.layers:
        layer.set_weights([np.zeros_like(values) for values in layer.get_weights()])
    middle = np.zeros((3, 3, 1, 32), np.float32)
    middle[1, 1, 0, 0] = 1  # the first map is the film itself
    network.get_layer("conv_1").set_weights([middle, np.zeros(32, np.float32)])
    ones, none = np.ones(32, np.float32), np.zeros(32, np.float32)
    network.get_layer("norm_1").set_weights([ones, none, none, ones])
    corner = np.zeros((15, 15, 32), np.float32)
    corner[:4, -4:, 0] = 1
    network.get_layer("dense_1").set_weights([corner.reshape(-1, 1), np.zeros(1, np.float32)])
    network.get_layer("probability").set_weights(
        [np.ones((1, 1), np.float32), np.full(1, -4, np.float32)]
    )
    path = tmp_path / "corner.weights.h5"
    network.save_weights(path)
    model = epoch_models.of_run(finished_run, 3)
    card = replace(model.card, architecture="one_conv", options=options)
    return Predictor(replace(model, card=card, weights=path))


@BOTH
def test_a_network_that_asks_for_one_corner_lights_up_there(method, tmp_path, finished_run) -> None:
    predictor = corner_watcher(tmp_path, finished_run)
    film = np.full((SIZE, SIZE), 60, np.uint8)
    film[1:9:2, 23:31:2] = 250  # specks in the corner
    film[15:29:2, 3:17:2] = 250  # elsewhere, more of them
    heat = heat_maps.METHODS[method](predictor, film)
    x, y = heat.peak
    assert (x > 22, y < 10) == (True, True)
    if method == "occlusion":  # Grad-CAM weighs whole maps: the other place lights up as well
        assert np.abs(heat.values[6:]).max() < 1e-6 < heat.values[:5, 11:].max()


@pytest.mark.slow
@BOTH
def test_randomized_weights_change_the_map(method, predictor, films, finished_run) -> None:
    """Adebayo et al. (2018): a map that does not ask the weights explains nothing."""
    keras.utils.set_random_seed(7)
    fresh = OwnPredictor(architectures.build("three_conv"))
    likeness = []
    for film in films:
        one, other = (heat_maps.METHODS[method](p, film).values.ravel() for p in (predictor, fresh))
        if one.std() and other.std():
            likeness.append(np.corrcoef(one, other)[0, 1])
        else:
            likeness.append(0.0)
    assert np.mean(likeness) < 0.7
    twin = Predictor(predictor.model)
    again = heat_maps.METHODS[method](twin, films[0]).values
    assert np.array_equal(heat_maps.METHODS[method](predictor, films[0]).values, again)


@pytest.mark.parametrize("name", SOME)
def test_every_network_has_a_map_at_each_convolution(name) -> None:
    keras.utils.set_random_seed(1)
    predictor = OwnPredictor(architectures.build(name))
    film = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE)).astype(np.uint8)
    ends = architectures.blocks(predictor.network)
    assert len(ends) == {"one_conv": 1, "three_conv": 3, "five_conv": 5}.get(name, len(ends)) > 0
    for number, end in enumerate(ends, 1):
        heat = heat_maps.grad_cam(predictor, film, convolution=number)
        assert heat.values.shape == tuple(end.output.shape[1:3])
        assert heat.values.dtype == np.float32
        assert heat.values.min() >= 0
        assert heat.values.max() in (0, 1)
        assert heat.probability == pytest.approx(
            float(predictor.probabilities(film[None])[0]), abs=1e-6
        )
    for wrong in (0, len(ends) + 1):
        with pytest.raises(
            ConfigError, match=f"has convolutions 1 to {len(ends)}; received {wrong}"
        ):
            heat_maps.grad_cam(predictor, film, convolution=wrong)


def test_cells_of_the_reports_networks_are_where_they_must_be() -> None:
    film = np.zeros((SIZE, SIZE), np.uint8)
    facts = {}
    for name in ("one_conv", "three_conv", "five_conv"):
        heat = heat_maps.grad_cam(OwnPredictor(architectures.build(name)), film)
        facts[name] = (heat.values.shape[0], heat.cell, heat.sees, heat.origin)
        # Without padding a map lies in the film's middle, but for a row that pooling leaves out.
        end = heat.origin + heat.values.shape[0] * heat.cell
        assert 0 <= heat.origin <= SIZE - end <= heat.origin + heat.cell
    # By hand: 3 x 3 convolutions add two cells to the field, poolings double a cell.
    assert facts == {
        "one_conv": (30, 1, 3, 1),
        "three_conv": (12, 2, 10, 4),
        "five_conv": (3, 4, 24, 10),
    }


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("five_conv", 5),
        ("residual", 2),
        pytest.param("mobilenet_v3", 1, marks=pytest.mark.slow),
        pytest.param("efficientnet_v2", 2, marks=pytest.mark.slow),
        pytest.param("densenet121", 1, marks=pytest.mark.slow),
    ],
)
def test_a_cell_moves_by_nothing_outside_what_it_is_said_to_see(name, number) -> None:
    keras.utils.set_random_seed(3)
    network = architectures.build(name)
    end = architectures.blocks(network)[number - 1]
    maps = keras.Model(network.input, end.output)
    film = np.zeros((SIZE, SIZE), np.uint8)
    heat = heat_maps.grad_cam(OwnPredictor(network), film, convolution=number)
    cell = len(heat.values) // 2
    middle = heat.origin + (cell + 0.5) * heat.cell
    low, high = round(middle - heat.sees / 2), round(middle + heat.sees / 2)
    whole = maps(np.zeros((1, SIZE, SIZE, 1), np.float32)).numpy()[0, cell, cell]
    moved = []
    for place in range(SIZE):
        film = np.zeros((1, SIZE, SIZE, 1), np.float32)
        film[:, place] = 255
        moved.append(bool((maps(film).numpy()[0, cell, cell] != whole).any()))
    assert (moved.index(True), SIZE - moved[::-1].index(True)) == (low, high)


def test_with_global_average_pooling_grad_cam_is_cam() -> None:
    keras.utils.set_random_seed(5)
    layers = keras.layers
    films = keras.Input((SIZE, SIZE, 1))
    x = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu")(films)
    x = layers.BatchNormalization()(layers.Conv2D(6, 3, padding="same")(x))
    maps = layers.ReLU()(x)
    pooled = layers.GlobalAveragePooling2D()(maps)
    network = keras.Model(films, layers.Dense(1, activation="sigmoid")(pooled))
    signs = np.array([[1], [-0.5], [0.3], [1], [-0.2], [0.6]], np.float32)
    network.layers[-1].set_weights([signs / 500, np.zeros(1, np.float32)])
    film = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE)).astype(np.uint8)
    heat = heat_maps.grad_cam(OwnPredictor(network), film)
    values = keras.Model(films, maps)(film[None, ..., None].astype(np.float32)).numpy()[0]
    cam = np.maximum(values @ signs[:, 0], 0)
    assert cam.max() > 0
    assert np.allclose(heat.values, cam / cam.max(), atol=1e-5)
    assert (heat.cell, heat.sees, heat.origin) == (2, 7, 0.5)


def test_occlusion_is_the_mean_fall_of_the_patches_over_a_cell(predictor, films) -> None:
    film = films[0]
    heat = heat_maps.occlusion(predictor, film)
    assert (heat.values.shape, heat.values.dtype) == ((16, 16), np.float32)
    assert (heat.cell, heat.sees, heat.origin) == (2, 6, 0)
    assert np.abs(heat.values).max() <= 1
    assert heat.probability == float(predictor.probabilities(film[None])[0])
    # A patch as large as the film, moved by one cell: every prediction is of the covered film.
    alone = heat_maps.occlusion(predictor, film, cells=1, patch=1)
    assert alone.values.shape == (1, 1)
    covered = next(heat_maps._covered(film, [(0, 0)], SIZE))
    fall = heat.probability - float(predictor.probabilities(covered)[0])
    assert alone.values[0, 0] == pytest.approx(fall, abs=1e-7)


def test_a_size_that_no_cell_divides_is_covered_whole() -> None:
    class Bright(OwnPredictor):
        def probabilities(self, pixels: np.ndarray) -> np.ndarray:
            return (pixels[:, -1, -1] > 128).astype(np.float32)

    film = np.zeros((50, 50), np.uint8)
    film[-1, -1] = 255
    heat = heat_maps.occlusion(Bright(architectures.build("one_conv")), film)
    assert (heat.cell, heat.values.shape) == (4, (13, 13))
    assert heat.peak == (50, 50)  # the last cell begins at 48 and ends beyond the film
    assert heat.values[-1, -1] == pytest.approx(1)


# --- on the film --------------------------------------------------------------------------------


def heat_of(values: list[list[float]], **facts: float) -> HeatMap:
    """A map of 16 px cells, or others."""
    fields = {"cell": 16.0, "sees": 16.0, "origin": 0.0, "probability": 0.5} | facts
    return HeatMap(method="made", values=np.array(values, np.float32), **fields)


def test_a_map_lies_on_the_film_as_the_recipe_put_it_there() -> None:
    heat = heat_of([[0, 1], [0, 0]])
    tall = heat_maps.on_film(heat, (200, 400), PixelRecipe())  # 16 px of 32 wide, in the middle
    assert tall.cell == (200, 200)
    assert tall.box == (-100, 0, 300, 400)
    assert tall.peak == (200, 100)
    squashed = heat_maps.on_film(heat, (200, 400), PixelRecipe(fit="squash"))
    assert squashed.cell == squashed.sees == (100, 200)
    assert squashed.box == (0, 0, 200, 400)
    assert squashed.peak == (150, 100)


def test_an_overlay_has_the_films_shape_and_keeps_the_cells() -> None:
    picture = heat_maps.overlay(heat_of([[1, 2], [3, 4]]), (200, 400), PixelRecipe(), long_side=64)
    assert (picture.shape, picture.dtype) == ((64, 32), np.float32)
    assert picture[0, 0] == 1
    assert picture[0, -1] == 2
    assert picture[-1, 0] == 3
    assert picture[31, 15] == 1
    assert picture[32, 16] == 4
    inner = heat_maps.overlay(heat_of([[5]], origin=8), (400, 400), PixelRecipe(), long_side=32)
    assert inner[8:24, 8:24].min() == 5
    inner[8:24, 8:24] = 0
    assert not inner.any()  # nothing is claimed where no cell lies
