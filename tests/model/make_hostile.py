"""Writes model files that would write, read or run something, or exhaust memory, when they are loaded.

`make_hostile.py FOLDER`: a process of its own, so that pytest's process never imports TensorFlow. What they write lies
beside the folder and is called `written…`; the models `mine…` write `mine`.
"""

import os
import sys
import warnings
from pathlib import Path

os.environ |= {"TF_USE_LEGACY_KERAS": "1", "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
warnings.simplefilter("ignore")

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
    for name in ("claims", "old"):
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


def main(folder):
    written = folder.parent / "written"
    lambdas(folder, written)
    graphs(folder, written)
    for file in (*folder.parent.glob("written*"), written.with_name("mine")):
        file.unlink()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
