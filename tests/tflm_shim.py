"""Headers in the place of TensorFlow Lite for Microcontrollers, whose C++ sources are in no package: exactly what the
emitted sources use of it, with the signatures of tensorflow/lite/micro/micro_interpreter.h,
micro_mutable_op_resolver.h and tensorflow/lite/core/c/common.h. What an interpreter computes is standalone C of the
same model, so that the self-test can run."""

from pathlib import Path

from edgekit.emit.resolver import BUILTIN, CUSTOM

RESOLVER = """
#pragma once
enum TfLiteStatus {{ kTfLiteOk, kTfLiteError }};
namespace tflite {{
struct MicroOpResolver {{
  virtual ~MicroOpResolver() {{}}
}};
template <unsigned int tOpCount> struct MicroMutableOpResolver : MicroOpResolver {{
  unsigned int count = 0;
  TfLiteStatus add() {{ return ++count <= tOpCount ? kTfLiteOk : kTfLiteError; }}
  {methods}
}};
}}
"""
INTERPRETER = """
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tensorflow/lite/schema/schema_generated.h"
union TfLitePtrUnion {
  void *data;
};
struct TfLiteTensor {
  TfLitePtrUnion data;
  size_t bytes;
};
namespace tflite {
class MicroResourceVariables;
class MicroProfilerInterface;
class MicroInterpreter {
 public:
  MicroInterpreter(const Model *model, const MicroOpResolver &op_resolver, uint8_t *tensor_arena,
                   size_t tensor_arena_size, MicroResourceVariables *resource_variables = nullptr,
                   MicroProfilerInterface *profiler = nullptr, bool preserve_all_tensors = false);
  ~MicroInterpreter();
  TfLiteStatus AllocateTensors();
  TfLiteStatus Invoke();
  TfLiteStatus Reset();
  TfLiteTensor *input(size_t index);
  TfLiteTensor *output(size_t index);

 private:
  uint8_t *arena_;
  size_t size_;
  TfLiteTensor tensors_[8];
};
}
"""
SCHEMA = """
#pragma once
namespace tflite {
struct Model;
inline const Model *GetModel(const void *buf) { return static_cast<const Model *>(buf); }
}
"""
SOURCE = """
#include "tensorflow/lite/micro/micro_interpreter.h"
#include <string.h>
#include "NAME.h"
static const size_t sizes[] = {SIZES};
static int64_t memory[MACRO_ARENA_BYTES / 8 + 1];
namespace tflite {
MicroInterpreter::MicroInterpreter(const Model *model, const MicroOpResolver &, uint8_t *arena, size_t size,
                                   MicroResourceVariables *, MicroProfilerInterface *, bool)
    : arena_(arena), size_(size) {
  if (memcmp(reinterpret_cast<const char *>(model) + 4, "TFL3", 4) != 0) size_ = 0;
}
MicroInterpreter::~MicroInterpreter() {}
TfLiteStatus MicroInterpreter::AllocateTensors() {
  size_t at = 0;
  for (size_t n = 0; n < sizeof sizes / sizeof *sizes; n++) {
    tensors_[n].data.data = arena_ + at;
    tensors_[n].bytes = sizes[n];
    at += (sizes[n] + 15) / 16 * 16;
  }
  return at <= size_ ? Reset() : kTfLiteError;
}
TfLiteTensor *MicroInterpreter::input(size_t index) { return &tensors_[index]; }
TfLiteTensor *MicroInterpreter::output(size_t index) { return &tensors_[INPUTS + index]; }
TfLiteStatus MicroInterpreter::Reset() {
  RESET
  return kTfLiteOk;
}
TfLiteStatus MicroInterpreter::Invoke() {
  CALL
}
}
"""


def write_shim(folder: Path) -> None:
    """The headers."""
    methods = [
        f"TfLiteStatus {method}() {{ return add(); }}" for method in sorted({*BUILTIN.values(), *CUSTOM.values()})
    ]
    texts = {
        "micro/micro_mutable_op_resolver.h": RESOLVER.format(methods="\n  ".join(methods)),
        "micro/micro_interpreter.h": INTERPRETER,
        "schema/schema_generated.h": SCHEMA,
    }
    for name, text in texts.items():
        place = folder / "tensorflow/lite" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)


def engine(name: str, inputs: list[tuple[str, int]], outputs: list[tuple[str, int]], stateful: bool) -> str:
    """C++ of an interpreter that computes with standalone C.

    Args:
      inputs, outputs: C type and bytes of each.
    """
    cast = [f"static_cast<{kind} *>(tensors_[{n}].data.data)" for n, (kind, _) in enumerate([*inputs, *outputs])]
    if len(cast) == 2:
        call = f"return {name}_run({cast[0]}, {cast[1]}, memory) == 0 ? kTfLiteOk : kTfLiteError;"
    else:
        call = (
            f"{name}_inputs x = {{{', '.join(cast[: len(inputs)])}}};\n  "
            f"{name}_outputs y = {{{', '.join(cast[len(inputs) :])}}};\n  "
            f"return {name}_run(&x, &y, memory) == 0 ? kTfLiteOk : kTfLiteError;"
        )
    text = SOURCE.replace("SIZES", ", ".join(str(size) for _, size in [*inputs, *outputs])).replace("CALL", call)
    text = text.replace("RESET", f"{name}_reset(memory);" if stateful else "").replace("INPUTS", str(len(inputs)))
    return text.replace("NAME", name).replace("MACRO", name.upper())
