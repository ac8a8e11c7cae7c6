"""What a stranger's model file may try, and how it is stopped before anything of it is loaded."""

import json
import sys
import time
import tracemalloc
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
import trust_probe

from edgekit.errors import ModelError
from edgekit.model import allowed
from edgekit.model.container import Container, identify
from edgekit.model.read import load_file
from edgekit.model.trust import check_trusted
from edgekit.types import ModelFacts, Reading

DENSE = {"module": "keras.layers", "class_name": "Dense", "config": {"name": "fine", "units": 2}}
SIZE = 1 << 50


def check(layer, **own):
    check_trusted(Path("m.keras"), Container("keras", "3.15.1", model(layer)), own)


def model(*layers):
    return {"module": "keras", "class_name": "Sequential", "config": {"name": "s", "layers": list(layers)}}


def layer(class_name, module="keras.layers", registered_name=None, **config):
    config = {"name": "evil", **config}
    return {"module": module, "class_name": class_name, "config": config, "registered_name": registered_name}


def wrapped(inner, by="TimeDistributed"):
    return layer(by, layer=inner)


def function(name, module, registered_name="function"):
    return {"module": module, "class_name": "function", "config": name, "registered_name": registered_name}


LAMBDA = layer("Lambda", function={"class_name": "__lambda__", "config": {"value": "4wAAAA=="}})
CODE = {
    "a Lambda": LAMBDA,
    "a Lambda of an older Keras": layer("Lambda", module=None, function=["4wAAAA==", None, None]),
    "a Lambda in a submodel": model(DENSE, LAMBDA),
    "a Lambda in TimeDistributed": wrapped(LAMBDA),
    "a Lambda in Bidirectional": wrapped(LAMBDA, "Bidirectional"),
    "a Lambda as backward layer": layer("Bidirectional", layer=DENSE, backward_layer=LAMBDA),
    "a Lambda as a cell": layer("RNN", cell=LAMBDA),
    "a Lambda as an argument in the graph": layer("Add") | {"inbound_nodes": [{"args": [LAMBDA]}]},
    "an activation": layer("Dense", activation={"class_name": "__lambda__", "config": {"value": "4wAAAA=="}}),
    "under a registered name": layer("Lambda", module=None, registered_name="mine>Lambda"),
    "behind another name": layer("Foo", module="keras.src.layers.core.lambda_layer", registered_name="Lambda"),
    "a function of TensorFlow": layer("TFOpLambda", module=None, function="io.write_file"),
    "a function far down": layer("TFOpLambda", module=None, function="nn.python.os.system"),
    "a graph": layer("TensorFlowOpLayer", module=None, node_def="…"),
    "a pickle": layer("TorchModuleWrapper", module="keras.layers", module_state="…"),
    "a SavedModel elsewhere": layer("TFSMLayer"),
}


@pytest.mark.parametrize("found", CODE.values(), ids=CODE)
def test_code_is_found_wherever_it_stands(found):
    with pytest.raises(ModelError, match=r"m\.keras: layer '\w+' is a \w+, which is code inside the file"):
        check(found)


FOREIGN = {
    "the user's module": layer("Scale", module="my_layers"),
    "the module of the program": layer("Scale", module="__main__"),
    "os": layer("system", module="os"),
    "subprocess": layer("Popen", module="subprocess"),
    "builtins": layer("type", module="builtins"),
    "what calls itself Keras": layer("Dense", module="kerasevil.layers"),
    "another part of TensorFlow": layer("Module", module="tensorflow.python.module"),
    "Keras's tools": layer("get_file", module="keras.utils"),
    "Keras's tools from inside": layer("Progbar", module="keras.src.utils.file_utils"),
    "Keras's loader": layer("load_model", module="keras.saving"),
    "data sets": layer("load_data", module="keras.datasets.mnist"),
    "models that are downloaded": layer("ResNet50", module="keras.applications"),
    "what a module of Keras imports": layer("os", module="keras.src.layers.core.dense"),
    "an attribute of that": layer("os.system", module="keras.src.engine.training"),
    "eval": layer("Dense", activation=function("eval", "builtins")),
    "os.system": layer("Dense", activation=function("os.system", "keras.src.activations")),
    "open": layer("Dense", kernel_initializer=function("open", "io")),
    "a loader as initializer": layer("Dense", kernel_initializer=function("load_model", "keras.models")),
    "a type's class": layer("InputLayer", type_spec={"class_name": "__typespec__", "module": "os", "config": []}),
}


@pytest.mark.parametrize("found", FOREIGN.values(), ids=FOREIGN)
def test_modules_outside_keras_are_not_asked(found):
    with pytest.raises(ModelError, match=r"m\.keras: '\w+' is of the class .* no layer of Keras.*--custom-objects"):
        check(found)


CALLED = (
    *(
        "load_op_library",
        "load_library",
        "keras.utils.get_file",
        "io.gfile.copy",
        "io.read_file",
        "py_function",
        "print",
    ),
    *("numpy_function", "function", "nn.fixed_unigram_candidate_sampler", "image.decode_image", "raw_ops.WriteFile"),
    *(
        "import_graph_def",
        "saved_model.load",
        "compat.v1.load_op_library",
        "compat.v1.py_func",
        "map_fn",
        "case",
        "debugging",
    ),
)


@pytest.mark.parametrize("kind", ["TFOpLambda", "SlicingOpLambda"])
@pytest.mark.parametrize("name", CALLED)
def test_an_operation_layer_calls_no_other_function(kind, name):
    for module in (None, "keras.src.layers.core.tf_op_layer"):
        with pytest.raises(ModelError, match=r"layer 'evil' is a \w+OpLambda, which is code inside the file"):
            check(layer(kind, module=module, function=name))
    with pytest.raises(ModelError, match=f"'evil' has function = '{name}', which no layer of Keras takes"):
        check(layer("Dense", function=name))


@pytest.mark.parametrize("kind", ["ClassMethod", "InstanceMethod", "InstanceProperty"])
@pytest.mark.parametrize("module", [None, "keras.layers", "keras.src.layers.core.tf_op_layer", "my_layers"])
def test_no_layer_calls_what_a_text_names(kind, module):
    evil = layer(kind, module=module, cls_symbol="io.gfile.copy", method_name="__call__")
    for place in (evil, wrapped(evil), model(evil), layer("Add") | {"inbound_nodes": [[["x", 0, 0, {"y": evil}]]]}):
        with pytest.raises(ModelError, match="layer 'evil' is a "):
            check(place, Scale="my_layers")


CALLS = {
    "a constant": [[["_CONSTANT_VALUE", -1, [1 << 16, 1 << 16], {}]]],
    "a constant that looks like a layer": [[["_CONSTANT_VALUE", -1, ["dense", 0, 0], {"name": "x"}]]],
    "arguments": [{"args": [[1 << 16, 1 << 16]], "kwargs": {"dtype": "float32"}}],
    "an array": [{"args": [{"class_name": "__numpy__", "config": {"value": [[1, 0, 0]]}}], "kwargs": {}}],
    "a second call": [[["dense", 0, 0, {}]], [["_CONSTANT_VALUE", -1, 1, {}]]],
}


@pytest.mark.parametrize("nodes", CALLS.values(), ids=CALLS)
def test_nothing_is_computed_while_a_model_is_loaded(nodes):
    for found in (layer("UpSampling2D"), layer("TFOpLambda", module=None, function="zeros")):
        with pytest.raises(ModelError, match="layer 'evil' is called with constants alone"):
            check(found | {"inbound_nodes": nodes})
    for taken in ([[["dense", 0, 0, {}]]], [["_CONSTANT_VALUE", -1, 1, {"y": ["dense", 0, 0]}]], [["dense", 0, 0]], []):
        check(layer("TFOpLambda", module=None, function="math.add") | {"inbound_nodes": taken})


TYPE_SPEC = {"class_name": "TypeSpec", "type_spec": "tf.RaggedTensorSpec", "serialized": [None, "float32", 1, "int64"]}
ODD = {
    "a type": layer("InputLayer", type_spec=TYPE_SPEC),
    "a tensor of parts": layer("Dense", weights={"class_name": "CompositeTensor", "spec": TYPE_SPEC, "tensors": []}),
    "a function by its name": layer("Dense", activation="keras_export"),
    "a function of the wrong kind": layer("Dense", activation="glorot_uniform"),
    "an initializer by its name": layer("Dense", kernel_initializer="get"),
    "a regularizer by its name": layer("Dense", kernel_regularizer="deserialize"),
    "a constraint by its name": layer("Dense", kernel_constraint="keras.utils.get_file"),
    "a type that takes 2 GB": layer(
        "PReLU", alpha={"class_name": "__numpy__", "config": {"value": 1, "dtype": "a2000000000"}}
    ),
    "a file in bytes": layer("StringLookup", vocabulary={"class_name": "__bytes__", "value": "/etc/passwd"}),
    "another registered name": layer("Dense", registered_name="tf_keras>Dense"),
    "a name of two modules": layer("Dense", module="keras.initializers"),
    "an operation as layer": layer("Map", module="keras.src.ops.core"),
    "a test of Keras": layer("Dense", module="keras.src.layers.core.dense_test"),
    "a class that is an object": layer({"class_name": "__bytes__", "value": "ClassMethod"}),
    "a module that is a list": layer("Dense", module=["keras.layers"]),
    "a shared object that is a list": layer("Dense") | {"shared_object_id": [1]},
    "an object in the sizes": layer("Dense") | {"build_config": {"input_shape": TYPE_SPEC}},
    "a text in the sizes": layer("Dense") | {"build_config": {"input_shape": "x"}},
    "an unknown text": layer("Dense", anything="x"),
    "a text in a list": layer("Dense", units=["x"]),
    "code that is compiled": layer("Dense") | {"compile_config": {"loss": function("get_file", "keras.utils")}},
}


@pytest.mark.parametrize("found", ODD.values(), ids=ODD)
def test_what_is_not_listed_is_refused(found):
    with pytest.raises(ModelError, match=r"^m\.keras: [^\n]+$"):
        check(found)


def places(value, free=False):
    """Every place of an architecture: what holds it, its key, and whether it is in the names and arguments of calls."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in list(items):
        yield value, key, free or key in allowed.NAMES
        yield from places(item, free or key in allowed.NAMES)


@pytest.mark.parametrize("file", ["keras-2.8/cnn.h5", "keras-2.15/recurrent.keras", "keras-3.15/nested.keras"])
def test_nothing_passes_at_any_place_of_an_architecture(file):
    found = identify(Path(__file__).parent / "files" / file)
    call = {"class_name": "ClassMethod", "config": {"cls_symbol": "io.gfile.copy"}}
    tried = 0
    for node, key, free in places(found.config):
        before, tried = node[key], tried + 1
        for evil in (call, function("get_file", "keras.utils"), [call], "io.gfile.copy"):
            node[key] = evil
            if isinstance(evil, str) and (free or key in allowed.TEXTS):
                continue
            with pytest.raises(ModelError, match=r"^[^\n]+$"):
                check_trusted(Path(file), found)
        node[key] = before
    assert tried > 100
    check_trusted(Path(file), found)


def test_the_lists_name_nothing_but_parts_of_models(process):
    assert process.call(trust_probe.resolved, returns=list) == []
    assert process.call(trust_probe.named, returns=list) == []


def test_a_module_that_the_user_named_is():
    check(layer("Scale", registered_name="Custom>Scale", module=None), Scale="my_layers")
    check(layer("Dense", activation=function("swoosh", "builtins", "my_layers>swoosh")), swoosh="my_layers")
    with pytest.raises(ModelError, match="'evil' is of the class 'Other' from the module 'my_layers'"):
        check(layer("Other", module="my_layers"), Scale="my_layers")
    check(layer("Scale", module="my_layers.scaling"), Scale="my_layers.scaling")


@pytest.mark.parametrize("kind", ["StringLookup", "IntegerLookup", "TextVectorization"])
def test_a_layer_reads_no_file(kind):
    with pytest.raises(ModelError, match=r"layer 'evil' reads the file '/etc/passwd'"):
        check(layer(kind, vocabulary="/etc/passwd"))
    check(layer(kind, vocabulary=["a", "b"]))


def test_ordinary_functions_pass():
    check(layer("Dense", activation=function("relu", "builtins"), kernel_initializer=function("zeros", "builtins")))
    check(layer("Dense", activation="gelu", dtype={"module": "keras", "class_name": "DTypePolicy", "config": {}}))
    check(layer("TFOpLambda", module=None, function="math.add"))
    check(layer("SlicingOpLambda", module=None, function="__operators__.getitem"))
    check(layer("GetItem", module="keras.src.ops.numpy", registered_name="GetItem"))
    check(layer("TextVectorization", vocabulary=["a", "b"], standardize="lower"))


def test_what_a_model_was_compiled_with_does_not_matter(tmp_path):
    """The libraries compile models inside a model even where they are told not to, so a copy goes without."""
    loss = {"compile_config": {"loss": function("my_loss", "__main__", "my_loss")}}
    for layer, changed in ((DENSE, False), (model(DENSE) | loss, True)):
        with zipfile.ZipFile(tmp_path / "m.keras", "w") as archive:
            archive.writestr("config.json", json.dumps(model(layer) | loss))
        found = identify(tmp_path / "m.keras")
        check_trusted(tmp_path / "m.keras", found)
        assert found.changed is changed and "my_loss" not in json.dumps(found.config)


class TestSizes:
    @pytest.fixture(autouse=True)
    def little(self):
        """Whatever the file claims, looking at it takes little time and memory."""
        start = time.perf_counter()
        tracemalloc.start()
        yield
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 300 << 20 and time.perf_counter() - start < 5

    @pytest.fixture
    def hdf5(self, tmp_path):
        """A function that makes an HDF5 model, to be filled by a function, and says why it is refused."""

        def refusal(fill):
            with h5py.File(tmp_path / "m.h5", "w") as file:
                file.attrs["model_config"] = json.dumps(model(DENSE))
                fill(file.create_group("model_weights/dense"))
            with pytest.raises(ModelError) as raised:
                identify(tmp_path / "m.h5")
            weights = (tmp_path / "m.h5").read_bytes()
            with zipfile.ZipFile(tmp_path / "m.keras", "w") as archive:
                archive.writestr("config.json", json.dumps(model(DENSE)))
                archive.writestr("model.weights.h5", weights)
            with pytest.raises(ModelError) as inside:
                identify(tmp_path / "m.keras")
            assert str(inside.value).replace("m.keras", "m.h5") == str(raised.value)
            return str(raised.value)

        return refusal

    @pytest.mark.parametrize("shape", [(SIZE,), (1 << 40, 1 << 40), (1 << 32, 1 << 32, 1)])
    def test_a_dataset_that_claims_terabytes(self, hdf5, shape):
        said = hdf5(lambda group: group.create_dataset("kernel:0", shape, "f4", chunks=(1,) * len(shape)))
        assert f"entry 'model_weights/dense/kernel:0' would take {4 * np.prod(shape, dtype=object):,} B" in said

    def test_many_datasets_that_each_claim_what_is_allowed(self, hdf5):
        def fill(group):
            for n in range(1000):
                group.create_dataset(f"w{n}", (50_000,), "f4", chunks=(50_000,))

        assert "would take 200,000 B" in hdf5(fill)

    def test_a_chunk_larger_than_its_dataset(self, hdf5):
        said = hdf5(
            lambda group: group.create_dataset("kernel:0", (1,), "f4", chunks=(1 << 29,), maxshape=(None,)),
        )
        assert "would take 2,147,483,648 B" in said

    def test_zeros_that_are_compressed(self, hdf5):
        zeros = np.zeros(20_000_000, "f4")
        said = hdf5(lambda group: group.create_dataset("kernel:0", data=zeros, compression="gzip", chunks=(1_000_000,)))
        assert "would take 80,000,000 B" in said

    def test_many_filters(self, hdf5):
        def fill(group):
            plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
            plan.set_chunk((100,))
            for _ in range(20):
                plan.set_deflate(9)
            space = h5py.h5s.create_simple((100,))
            h5py.h5d.create(group.id, b"kernel:0", h5py.h5t.NATIVE_FLOAT, space, plan)

        assert "compressed more than once" in hdf5(fill)

    def test_an_archive_of_many_entries(self, tmp_path):
        with zipfile.ZipFile(tmp_path / "m.keras", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("config.json", json.dumps(model(DENSE)))
            for n in range(40):
                archive.writestr(f"assets/{n}", bytes(1_000_000))
        with pytest.raises(ModelError, match=r"entry 'assets/\d+' would take 1,000,000 B"):
            identify(tmp_path / "m.keras")

    def test_a_large_architecture(self, tmp_path):
        blank = b" " * (65 << 20)
        with zipfile.ZipFile(tmp_path / "m.keras", "w") as archive:
            archive.writestr("config.json", blank)
        with h5py.File(tmp_path / "m.h5", "w") as file:
            file.attrs["model_config"] = blank
        del blank
        tracemalloc.reset_peak()
        for name in ("m.keras", "m.h5"):
            with pytest.raises(ModelError, match=r"config(\.json)?'? would take"):
                identify(tmp_path / name)

    @pytest.mark.parametrize("depth", [300, 5_000, 200_000])
    def test_a_deep_architecture(self, tmp_path, depth):
        text = '{"class_name":"Sequential","config":{"layers":[' * depth + "]}}" * depth
        with h5py.File(tmp_path / "m.h5", "w") as file:
            file.attrs["model_config"] = text
        try:
            check_trusted(tmp_path / "m.h5", identify(tmp_path / "m.h5"))
        except ModelError as refused:
            assert "not valid" in str(refused)
        else:
            assert depth < sys.getrecursionlimit()


def chain(version, suffix, *sizes, **settings):
    """The architecture of a chain of dense layers, as a version of Keras writes it."""
    placed = version == 3 or suffix == ".keras"
    modules = {"module": "keras.layers", "registered_name": None} if placed else {}
    shape = {3: "batch_shape", 2: "batch_input_shape"}[version]
    start = {"class_name": "InputLayer", "config": {shape: [None, 3], "dtype": "float32", "name": "image"}}
    dense = [
        {"class_name": "Dense", "config": {"name": f"dense_{n}", "units": size, **settings}}
        for n, size in enumerate(sizes)
    ]
    found = model(*(layer | modules for layer in [start, *dense]))
    return found if placed else {k: v for k, v in found.items() if k != "module"}


class TestClaims:
    """A few kilobytes that say they are gigabytes are refused before a library makes room for them."""

    @pytest.mark.parametrize("version", [2, 3])
    @pytest.mark.parametrize("suffix", [".h5", ".keras"])
    @pytest.mark.parametrize("sizes", [(30_000, 25_000), (10_000, *[900] * 12)], ids=["one", "many"])
    def test_weights_that_follow_from_the_shapes(self, process, tmp_path, version, suffix, sizes):
        file, text = tmp_path / f"m{suffix}", json.dumps(chain(version, suffix, *sizes))
        written = {2: "2.15.0", 3: "3.15.1"}[version]
        with h5py.File(tmp_path / "w.h5", "w") as weights:
            weights.attrs["model_config"], weights.attrs["keras_version"] = text, written
            weights.create_dataset("model_weights/x", data=np.zeros(10, "f4"))
        if suffix == ".h5":
            (tmp_path / "w.h5").rename(file)
        else:
            with zipfile.ZipFile(file, "w") as archive:
                archive.writestr("config.json", text)
                archive.writestr("metadata.json", json.dumps({"keras_version": written}))
                archive.write(tmp_path / "w.h5", "model.weights.h5")
            (tmp_path / "w.h5").unlink()
        with pytest.raises(
            ModelError, match=r"layer 'dense_1' would take [\d,]+ B, and the file holds 40 B of weights"
        ):
            process.call(load_file, str(tmp_path), str(file), Reading(), returns=ModelFacts, time_limit=120)
        assert [*tmp_path.iterdir()] == [file]

    @pytest.mark.parametrize(
        ("layers", "says"),
        [
            (
                [layer("Dense", units=300_000), layer("Embedding", input_dim=300, output_dim=900)],
                "layer 'evil' would take",
            ),
            (
                [layer("InputLayer", batch_shape=[None, 1 << 20, 1 << 20])],
                "input 'evil' would take 4,398,046,511,104 B",
            ),
            (
                [layer("InputLayer", batch_shape=[9_000_000, 1]), layer("LSTM", units=9, stateful=True)],
                "'evil' would take",
            ),
        ],
        ids=["two that are large together", "an input", "a state for each of many samples"],
    )
    def test_what_the_architecture_says(self, tmp_path, layers, says):
        with zipfile.ZipFile(tmp_path / "m.keras", "w") as archive:
            archive.writestr("config.json", json.dumps(model(*layers)))
        with pytest.raises(ModelError, match=says):
            identify(tmp_path / "m.keras")

    @pytest.mark.parametrize("name", ["m.h5", "m.keras"])
    def test_a_key_that_stands_twice(self, tmp_path, name):
        text = json.dumps(model(DENSE)).replace('"config": {"name": "s"', '"config": {}, "config": {"name": "s"')
        with h5py.File(tmp_path / "m.h5", "w") as file:
            file.attrs["model_config"] = text
        with zipfile.ZipFile(tmp_path / "m.keras", "w") as archive:
            archive.writestr("config.json", text)
        with pytest.raises(ModelError, match=r"is not valid; save the model again"):
            identify(tmp_path / name)

    @pytest.mark.parametrize("count", [300, 20_000])
    def test_many_texts_that_may_be_the_same_bytes(self, tmp_path, count):
        with h5py.File(tmp_path / "m.h5", "w", libver="latest") as file:
            file.attrs["model_config"] = json.dumps(model(DENSE))
            group = file.create_group("model_weights")
            group.create_dataset("x", data=np.zeros(1_000, "f4"))
            group.attrs.create("layer_names", ["x"] * 300, dtype=h5py.string_dtype())  # as Keras 3 writes them
            if count > 300:
                group.create_dataset("names", data=["x"] * count, dtype=h5py.string_dtype())
        if count > 300:
            with pytest.raises(ModelError, match=r"entry 'model_weights/names' would take [\d,]+ B; not opened"):
                identify(tmp_path / "m.h5")
        else:
            assert identify(tmp_path / "m.h5").stored == 4_000

    def test_a_filter_that_would_load_a_library(self, tmp_path):
        plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plan.set_chunk((100,))
        plan.set_filter(32008, h5py.h5z.FLAG_OPTIONAL)
        with h5py.File(tmp_path / "m.h5", "w") as file:
            file.attrs["model_config"] = json.dumps(model(DENSE))
            group = file.create_group("model_weights")
            h5py.h5d.create(group.id, b"x", h5py.h5t.NATIVE_FLOAT, h5py.h5s.create_simple((100,)), plan)
        with pytest.raises(ModelError, match=r"'model_weights/x' is stored by a filter that no Keras uses"):
            identify(tmp_path / "m.h5")

    @pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
    def test_an_archive_packed_otherwise(self, tmp_path, method):
        with zipfile.ZipFile(tmp_path / "m.keras", "w", method) as archive:
            archive.writestr("config.json", json.dumps(model(DENSE)))
        with pytest.raises(ModelError, match=r"'config\.json' is nothing that model\.save\(\) writes"):
            identify(tmp_path / "m.keras")


class TestOtherFiles:
    """An HDF5 file can say that a weight lies in another file, which would then be read."""

    @pytest.fixture
    def refused(self, tmp_path):
        yield tmp_path / "m.h5"
        with pytest.raises(ModelError, match=r"entry 'weights/kernel:0' lies in another file"):
            identify(tmp_path / "m.h5")

    def test_an_external_link(self, refused):
        with h5py.File(refused, "w") as file:
            file.create_group("weights")["kernel:0"] = h5py.ExternalLink("/etc/secret.h5", "x")

    def test_external_storage(self, refused):
        with h5py.File(refused, "w") as file:
            file.create_dataset("weights/kernel:0", (8,), "u1", external=[("/etc/hostname", 0, 8)])

    def test_a_virtual_dataset(self, refused):
        layout = h5py.VirtualLayout((8,), "u1")
        layout[:] = h5py.VirtualSource("/etc/secret.h5", "x", (8,))
        with h5py.File(refused, "w") as file:
            file.create_virtual_dataset("weights/kernel:0", layout)


class TestArchives:
    @pytest.fixture
    def refusal(self, tmp_path):
        def write(entry, content=b""):
            with zipfile.ZipFile(tmp_path / "m.keras", "w") as archive:
                archive.writestr("config.json", json.dumps(model(DENSE)))
                archive.writestr(entry, content)
            with pytest.raises(ModelError) as raised:
                identify(tmp_path / "m.keras")
            return str(raised.value)

        return write

    @pytest.mark.parametrize("name", ["../x", "/x", "assets/../../x", "\\x", "C:/x"])
    def test_an_entry_outside(self, refusal, name):
        assert "leaves the archive's folder" in refusal(name)

    def test_a_link(self, refusal):
        link = zipfile.ZipInfo("assets")
        link.external_attr = 0o120777 << 16
        assert "'assets' is a link" in refusal(link, b"/etc")

    def test_a_second_entry_of_the_same_name(self, tmp_path):
        with zipfile.ZipFile(tmp_path / "m.keras", "w") as archive, pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("config.json", json.dumps(model(LAMBDA)))
            archive.writestr("config.json", json.dumps(model(DENSE)))
        with pytest.raises(ModelError, match=r"holds the entry 'config\.json' twice"):
            identify(tmp_path / "m.keras")

    @pytest.mark.parametrize("name", ["model.weights.npz", "model.pkl"])
    def test_a_pickle(self, refusal, name):
        assert f"{name!r} is nothing that model.save() writes" in refusal(name)


class TestTwoFilesInOne:
    """Both libraries choose by the ending, whatever stands at the beginning."""

    @pytest.fixture
    def archive(self, tmp_path):
        with zipfile.ZipFile(tmp_path / "archive", "w") as archive:
            archive.writestr("config.json", json.dumps(model(DENSE)))
        return (tmp_path / "archive").read_bytes()

    @pytest.fixture
    def hdf5(self, tmp_path):
        with h5py.File(tmp_path / "hdf5", "w") as file:
            file.attrs["model_config"] = json.dumps(model(DENSE))
        return (tmp_path / "hdf5").read_bytes()

    def test_an_archive_at_the_end_of_hdf5(self, tmp_path, archive, hdf5):
        (tmp_path / "m.keras").write_bytes(hdf5 + archive)
        with pytest.raises(ModelError, match=r"both a \.keras archive and an HDF5 file"):
            identify(tmp_path / "m.keras")

    def test_hdf5_in_the_middle_of_an_archive(self, tmp_path, hdf5):
        with zipfile.ZipFile(tmp_path / "m.h5", "w") as archive:
            archive.writestr("a", bytes(2048 - 2 * 30 - 2))
            archive.writestr("b", hdf5)
            archive.writestr("config.json", json.dumps(model(DENSE)))
        assert h5py.is_hdf5(tmp_path / "m.h5")
        with pytest.raises(ModelError, match=r"both a \.keras archive and an HDF5 file"):
            identify(tmp_path / "m.h5")


@pytest.fixture(scope="module")
def hostile(once):
    """The folder of `make_hostile.py`."""

    def fill(folder):
        import subprocess

        maker = Path(__file__).with_name("make_hostile.py")
        done = subprocess.run([sys.executable, maker, folder], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    return once("hostile", fill)


LAMBDAS = [
    f"{kind}_{version}{suffix}"
    for kind in ("plain", "submodel", "time_distributed")
    for version in (2, 3)
    for suffix in (".keras", ".h5")
]
GRAPHS = {
    "lambda_2": "layer 'evil' is a Lambda",
    "lambda_3": r"evil\w*/WriteFile' \(WriteFile\) reaches outside",
    "graph_write": r"\(WriteFile\) reaches outside",
    "graph_save": r"\(SaveV2\) reaches outside",
    "graph_read": r"\(ReadFile\) reaches outside",
    "graph_call": r"\(EagerPyFunc\) reaches outside",
    "write_first": r"WriteFile' \(WriteFile\) reaches outside",
    "endless": r"its operation 'while\S*' \(\w+\) runs while the model is loaded",
    "shadow": "its function 'Relu' has the name of another or of an operator",
    "two": r"holds saved_model\.cpb besides saved_model\.pb",
    "called.h5": "layer 'evil' is a ClassMethod, which is code inside the file",
    "called.keras": "layer 'evil' is a ClassMethod, which is code inside the file",
    "claims": "variable 'weight' would take 4,000,000,000,000 B",
    "old": "was written by TensorFlow 1",
    "unserved": "has no function to serve",
}


@pytest.mark.parametrize(("name", "says"), [*((n, "layer 'evil' is a Lambda") for n in LAMBDAS), *GRAPHS.items()])
def test_nothing_of_a_file_runs(process, hostile, tmp_path, name, says):
    with pytest.raises(ModelError, match=f"{name}: .*{says}"):
        process.call(load_file, str(tmp_path), str(hostile / name), Reading(), returns=ModelFacts, time_limit=60)
    assert not [*hostile.parent.glob("written*"), *tmp_path.iterdir()]


def test_no_operator_passes_in_any_node_of_a_graph(process, hostile):
    assert process.call(trust_probe.passed, str(hostile / "sound"), returns=list) == []


@pytest.mark.parametrize("name", ["mine.h5", "mine.keras"])
def test_the_same_runs_when_the_user_trusts_it(process, hostile, tmp_path, name):
    written = hostile.parent / "mine"
    written.unlink(missing_ok=True)
    facts = process.call(load_file, str(tmp_path), str(hostile / name), Reading(trust=True), returns=ModelFacts)
    assert facts.form == "keras" and written.exists()
