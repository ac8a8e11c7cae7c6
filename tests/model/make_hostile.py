"""Writes model files that would write, read or run something, or exhaust memory, when they are loaded.

`make_hostile.py FOLDER`: a process of its own, so that pytest's process never imports TensorFlow. What they write lies
beside the folder and is called `written…`; the models `mine…` write `mine`, and `own.h5` prints.
"""

import json
import os
import shutil
import sys
import warnings
import zipfile
from pathlib import Path

os.environ |= {"TF_USE_LEGACY_KERAS": "1", "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
warnings.simplefilter("ignore")

import h5py  # noqa: E402
import keras  # noqa: E402
import tensorflow as tf  # noqa: E402
import tf_keras  # noqa: E402


def writer(written):
    path = str(written)
    return lambda x: (open(path, "w").close(), x)[1]


def plain(k, function):
    return k.Sequential([k.Input((4, 3)), k.layers.Lambda(function, name="evil"), k.layers.Dense(2)])


def submodel(k, function):
    return k.Sequential([k.Input((4, 3)), plain(k, function), k.layers.Dense(2)])


def time_distributed(k, function):
    inner = k.layers.Lambda(function, name="evil", output_shape=(3,))
    return k.Sequential([k.Input((4, 3)), k.layers.TimeDistributed(inner)])


def lambdas(folder, written):
    for k, version in ((tf_keras, 2), (keras, 3)):
        for make in (plain, submodel, time_distributed):
            make(k, writer(written)).save(folder / f"{make.__name__}_{version}.keras")
            make(k, writer(written)).save(folder / f"{make.__name__}_{version}.h5")
    submodel(tf_keras, writer(written)).save(folder / "lambda_2")
    for suffix in ("h5", "keras"):
        submodel(tf_keras, writer(written.with_name("mine"))).save(folder / f"mine.{suffix}")
    submodel(tf_keras, lambda x: (print("own code ran"), x)[1]).save(folder / "own.h5")


def graphs(folder, written):
    """SavedModels whose graph reaches outside; that of Keras 3 holds nothing of Keras."""

    class Model(tf.Module):
        def __init__(self, run):
            self.run, self.weight = run, tf.Variable(tf.ones((3, 2)), name="weight")

        @tf.function(input_signature=[tf.TensorSpec((1, 3), tf.float32)])
        def __call__(self, x):
            with tf.control_dependencies([self.run(x)]):
                return x @ self.weight

    def save(x):
        return tf.raw_ops.SaveV2(prefix=str(written), tensor_names=["x"], shape_and_slices=[""], tensors=[x])

    def read(_):
        return tf.io.read_file("/etc/hostname")

    def write(_):
        return tf.io.write_file(str(written), "x")

    def call(x):
        return tf.py_function(writer(written), [x], tf.float32)

    for run in (save, read, write, call):
        model = Model(run)
        tf.saved_model.save(model, folder / f"graph_{run.__name__}", signatures=model.__call__)
    exported = plain(keras, lambda x: (tf.io.write_file(str(written), "x"), x)[1])
    exported.export(folder / "lambda_3", verbose=False)
    model = Model(tf.identity)
    for name in ("claims", "old", "sound"):
        tf.saved_model.save(model, folder / name, signatures=model.__call__)
    tf.raw_ops.SaveV2(
        prefix=str(folder / "claims/variables/variables"),
        tensor_names=["weight"],
        shape_and_slices=["1000000000000 0,6"],
        tensors=[tf.ones(6)],
    )
    from tensorflow.core.protobuf import saved_model_pb2

    stored = saved_model_pb2.SavedModel.FromString((folder / "old/saved_model.pb").read_bytes())
    stored.meta_graphs[0].ClearField("object_graph_def")
    (folder / "old/saved_model.pb").write_bytes(stored.SerializeToString())


def loading(folder, written):
    """SavedModels that do something while they are loaded."""

    class Resource(tf.saved_model.experimental.TrackableResource):
        def __init__(self, initialize):
            super().__init__()
            self.initialize = initialize

        def _create_resource(self):
            return tf.raw_ops.VarHandleOp(dtype=tf.float32, shape=())

        def _initialize(self):
            self.initialize()

        def _destroy_resource(self):
            pass

    class Model(tf.Module):
        def __init__(self, initialize):
            self.weight = tf.Variable(tf.ones((3, 2)), name="weight")
            self.resource = Resource(initialize)

        @tf.function(input_signature=[tf.TensorSpec((1, 3), tf.float32)])
        def __call__(self, x):
            return x @ self.weight

    count = tf.Variable(0, name="count")

    def endless():
        tf.while_loop(lambda n: count.assign_add(1) >= n, lambda n: n, [tf.constant(-1)])

    def write():
        with tf.control_dependencies([tf.io.write_file(str(written), "x")]):
            return tf.constant(1) + 0

    for name, initialize in {"endless": endless, "write_first": write}.items():
        model = Model(lambda: None)
        model.count, model.resource.initialize = count, tf.function(initialize)
        tf.saved_model.save(model, folder / name, signatures=model.__call__)
    # The function that writes gets a name like those of operators on variables, and is called as an operator is.
    from tensorflow.core.protobuf import saved_model_pb2

    stored = saved_model_pb2.SavedModel.FromString((folder / "write_first/saved_model.pb").read_bytes())
    library = stored.meta_graphs[0].graph_def.library
    [evil] = [f for f in library.function if any(node.op == "WriteFile" for node in f.node_def)]
    [first] = [f for f in library.function if "initializer" in f.signature.name]
    [call] = [node for node in first.node_def if node.op == "StatefulPartitionedCall"]
    call.op, evil.signature.name = "VarEvilOp", "VarEvilOp"
    call.ClearField("attr")
    [last] = [node for node in first.node_def if node.op == "Identity" and "Const" in node.input[0]]
    last.input[0] = f"{call.name}:{evil.signature.output_arg[0].name}:0"
    (folder / "write_first/saved_model.pb").write_bytes(stored.SerializeToString())
    for name in ("shadow", "two"):
        shutil.copytree(folder / "write_first", folder / name)
    call.op, evil.signature.name = "Relu", "Relu"
    (folder / "shadow/saved_model.pb").write_bytes(stored.SerializeToString())
    (folder / "two/saved_model.cpb").touch()
    # What is to be served is a resource.
    tf.saved_model.save(model := Model(lambda: None), folder / "unserved", signatures=model.__call__)
    stored = saved_model_pb2.SavedModel.FromString((folder / "unserved/saved_model.pb").read_bytes())
    nodes = stored.meta_graphs[0].object_graph_def.nodes
    children = {child.local_name: child.node_id for child in nodes[0].children}
    nodes[children["signatures"]].children[0].node_id = children["resource"]
    (folder / "unserved/saved_model.pb").write_bytes(stored.SerializeToString())


def calls(folder, written):
    """Keras 2 files with a layer that calls what its text names, anywhere in TensorFlow."""
    source = folder / "source.txt"
    source.write_text("x")
    image = tf_keras.Input((3,), name="image")
    tf_keras.Model(image, tf_keras.layers.Dense(2, name="dense")(image), name="m").save(folder / "called.h5")
    with h5py.File(folder / "called.h5", "r+") as file:
        model = json.loads(file.attrs["model_config"])
        settings = {
            "name": "evil",
            "cls_symbol": "io.gfile.copy",
            "method_name": "__call__",
            "trainable": True,
            "dtype": "float32",
        }
        call = ["_CONSTANT_VALUE", -1, str(source), {"kwargs": {"dst": str(written)}}]
        evil = {"class_name": "ClassMethod", "name": "evil", "config": settings, "inbound_nodes": [[call]]}
        model["config"]["layers"].append(evil)
        file.attrs["model_config"] = json.dumps(model)
    tf_keras.Model(image, tf_keras.layers.Dense(2, name="dense")(image), name="m").save(folder / "plain.keras")
    with zipfile.ZipFile(folder / "plain.keras") as old, zipfile.ZipFile(folder / "called.keras", "w") as new:
        for member in old.namelist():
            content = old.read(member)
            if member == "config.json":
                model = json.loads(content)
                model["config"]["layers"].append(evil | {"module": "keras.src.layers.core.tf_op_layer"})
                content = json.dumps(model)
            new.writestr(member, content)


def main(folder):
    written = folder.parent / "written"
    lambdas(folder, written)
    graphs(folder, written)
    loading(folder, written)
    calls(folder, written)
    for file in (*folder.parent.glob("written*"), written.with_name("mine")):
        file.unlink()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
