"""Headers in the place of TensorFlow Lite for Microcontrollers, whose C++ sources are in no package: exactly what the
emitted sources use of it, with the signatures of tensorflow/lite/micro/micro_interpreter.h,
micro_mutable_op_resolver.h and tensorflow/lite/core/c/common.h. What an interpreter computes is standalone C of the
same model, so that the self-test can run. They bring what the real ones bring (flatbuffers/base.h: <unistd.h> with read
and write, <algorithm>, <limits>); `HOSTILE` is what headers of boards and vendors define besides."""

from pathlib import Path

from edgekit.runtimes.tflm_operators import BUILTIN, CUSTOM

HOSTILE = """
#ifndef HOSTILE_H
#define HOSTILE_H
#ifdef __cplusplus
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>
#include <memory>
#include <new>
#include <string>
#include <vector>
#else
#include <complex.h>
#endif
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#undef I
#undef MIN
#undef MAX
/* Arduino.h, binary.h */
#define min(a, b) a b
#define max(a, b) a b
#define abs(x) x x
#define round(x) x x
#define radians(x) x x
#define constrain(x, low, high) low high x
#define sq(x) x x
#define swap(a, b) a b
#define bit(b) b b
#define byte(x) x x
#define word(...) __VA_ARGS__ word
#define F(string) string string
#define interrupts() interrupts
{empty}
/* Functions, types and variables of the program and of libraries, by names that code of a model once had. */
#ifdef __cplusplus
extern "C" {{
#endif
{others}
#ifdef __cplusplus
}}
#endif
#endif
"""
EMPTY = (
    # Arduino, AVR and binary.h
    "PI HALF_PI TWO_PI DEG_TO_RAD EULER B0 B1 B00 B01 B10 B11 B00000000 B11111111 HIGH LOW INPUT OUTPUT INPUT_PULLUP "
    "CHANGE RISING FALLING DEFAULT EXTERNAL INTERNAL SERIAL DISPLAY LSBFIRST MSBFIRST "
    # complex.h, STM32 HAL, ESP-IDF, nRF, Zephyr
    "I J IN OUT ERROR OK SUCCESS FAIL TRUE FALSE SET RESET ENABLE DISABLE BIT BIT0 BIT1 BIT2 BIT3 UNUSED MIN MAX ABS "
    "CLAMP ARRAY_SIZE SWAP READ_BIT WRITE_REG ROUNDED_DIV CEIL_DIV CONCAT STRINGIFY TAG LOG DEBUG INFO WARN NONE ANY "
    "RAM FLASH NVIC SCB TIM RCC GPIO PORT PIN "
    # Windows, and compilers for small cores
    "far near small huge interface code idata xdata sbit "
    # macros that code of a model once had
    "HALF FOUR OUTER STEP LANE LANE16 STEP16 ROW16 CONV_STEP CONV_STEPS GATE GATES LONGEST NARROW DECODE MARK MAX_TAPS "
    "DENSE_LANE PALETTE_LANE SIGMOID SELFTEST_RUN SELFTEST_RESET SELFTEST_INPUTS SELFTEST_OUTPUTS SELFTEST_ARENA_BYTES"
)
OTHERS = """
typedef struct { char nothing; } linear, linear16, window, lstm, palette, between, gate_x, sum16;
extern int resolver, registered, interpreter, storage, place, exponentials;
int ready(void);
""" + "".join(
    f"double {name}(double, double *);\n"
    for name in "requantize conv conv16 dense depthwise finish finish_pair gather look unpack add multiply lookup "
    "softmax clamp_s8 larger max_pool average_pool reduce copy matmul prelu lstm_run edgekit_mark".split()
)
RESOLVER = """
#pragma once
#include <cstdio>
#include <cstring>
#include "tensorflow/lite/c/common.h"
#include "tensorflow/lite/schema/schema_generated.h"
namespace tflite {{
struct ErrorReporter;
struct TFLMRegistration;
struct MicroOpResolver {{
  virtual ~MicroOpResolver() {{}}
}};
template <unsigned int tOpCount> class MicroMutableOpResolver : public MicroOpResolver {{
 public:
  explicit MicroMutableOpResolver(ErrorReporter * = nullptr) {{}}
  unsigned int count = 0;
  TfLiteStatus add() {{ return ++count <= tOpCount ? kTfLiteOk : kTfLiteError; }}
  {methods}

 private:
  void operator delete(void *) {{}}
}};
}}
"""
COMMON = """
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
typedef enum TfLiteStatus {
  kTfLiteOk = 0,
  kTfLiteError = 1,
  kTfLiteDelegateError = 2,
  kTfLiteApplicationError = 3,
  kTfLiteCancelled = 8,
} TfLiteStatus;
typedef union TfLitePtrUnion {
  int32_t *i32;
  float *f;
  char *raw;
  const char *raw_const;
  uint8_t *uint8;
  int8_t *int8;
  void *data;
} TfLitePtrUnion;
typedef struct TfLiteTensor {
  TfLitePtrUnion data;
  size_t bytes;
  bool is_variable;
} TfLiteTensor;
"""
INTERPRETER = """
#pragma once
#include <cstddef>
#include <cstdint>
#include "tensorflow/lite/c/common.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tensorflow/lite/schema/schema_generated.h"
#define TFLITE_SCHEMA_VERSION (3)
namespace tflite {
class MicroAllocator;
class MicroResourceVariables;
class MicroProfilerInterface;
class MicroInterpreter {
 public:
  MicroInterpreter(const Model *model, const MicroOpResolver &op_resolver, uint8_t *tensor_arena,
                   size_t tensor_arena_size, MicroResourceVariables *resource_variables = nullptr,
                   MicroProfilerInterface *profiler = nullptr, bool preserve_all_tensors = false);
  MicroInterpreter(const Model *model, const MicroOpResolver &op_resolver, MicroAllocator *allocator,
                   MicroResourceVariables *resource_variables = nullptr, MicroProfilerInterface *profiler = nullptr);
  ~MicroInterpreter();
  TfLiteStatus AllocateTensors();
  TfLiteStatus Invoke();
  TfLiteStatus Reset();
  TfLiteTensor *input(size_t index);
  size_t inputs_size() const;
  TfLiteTensor *output(size_t index);
  size_t outputs_size() const;

 private:
  uint8_t *arena_;
  size_t size_;
  TfLiteTensor tensors_[8];
};
}
"""
SCHEMA = """
#pragma once
#include <unistd.h>
#include <algorithm>
#include <limits>
#include <memory>
#include <string>
#include <vector>
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
  const size_t gap = (16 - reinterpret_cast<uintptr_t>(arena) % 16) % 16; /* the arena starts at a multiple of 16 */
  arena_ += gap;
  size_ = size > gap ? size - gap : 0;
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
    """The headers, and `hostile.h`."""
    taking = dict.fromkeys(("AddFullyConnected", "AddSoftmax", "AddAdd"), "const TFLMRegistration * = nullptr")
    methods = [
        f"TfLiteStatus {method}({taking.get(method, '')}) {{ return add(); }}"
        for method in sorted({*BUILTIN.values(), *CUSTOM.values()})
    ]
    texts = {
        "c/common.h": COMMON,
        "micro/micro_mutable_op_resolver.h": RESOLVER.format(methods="\n  ".join(methods)),
        "micro/micro_interpreter.h": INTERPRETER,
        "schema/schema_generated.h": SCHEMA,
    }
    for name, text in texts.items():
        place = folder / "tensorflow/lite" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    empty = "\n".join(f"#define {name}" for name in EMPTY.split())
    (folder / "hostile.h").write_text(HOSTILE.format(empty=empty, others=OTHERS))


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
