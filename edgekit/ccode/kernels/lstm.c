#include "clamp.c"

/* What an LSTM is: its constants. Gates are in the order input, forget, cell, output. */
typedef struct {
  const int8_t *weights;  /* of each unit: of its four gates side by side, first for the input, then for the state */
  const int32_t *bias;    /* likewise: bias - zero point * sum of the weights */
  int32_t factor[8][4];   /* of the gates' sums for the input, then for the state, see `gate_scale` */
  int32_t add[4];         /* of what is added to the cell */
  int32_t tanh[2];        /* of the cell in tanh: multiplier, shift to the right */
  int32_t hidden[4];      /* of the output */
  int32_t zero;           /* of the output */
  int32_t clip;           /* the most that the cell may hold */
  int32_t inputs, units, steps;
  int32_t input_step, output_step; /* values from one step to the next */
} lstm;

/* What goes into a gate's function. A function of its own, so that compilers see the instruction that clamps. */
static __attribute__((noinline)) int32_t gate_sum(const int32_t sums[5], const int32_t factor[5][4]) {
  const int32_t one = gate_clamp(gate_scale(sums[0], factor[0])), other = gate_clamp(gate_scale(sums[4], factor[4]));
  return gate_clamp(one + other);
}

/* What the cell holds next: forget * cell + input * new, where the gates' values have 15 bits behind the point. */
static __attribute__((noinline)) int32_t gate_cell(int32_t kept, int32_t added, const int32_t factor[4]) {
  kept = (kept + 1) >> 1;
  kept = (kept + (1 << 13) + (kept >> 31)) >> 14;
  return gate_clamp(kept + gate_clamp(gate_scale(added, factor)));
}

/* An LSTM over all steps of one sample: TFLM, tensorflow/lite/micro/kernels/lstm_eval.h. What one step puts out is the
   state that the next sees. The output may lie where the input lay if no step has more units than inputs. */
static void lstm_steps(const lstm *of, const int8_t *input, int8_t *state, int16_t *cell, int8_t *output, void *scratch) {
  const int8_t *before = state;
  for (int32_t step = 0; step < of->steps; step++, input += of->input_step, output += of->output_step) {
    const gate_x *const x = gate_widen(input, of->inputs, scratch, 0);
    const gate_x *const h = gate_widen(before, of->units, scratch, of->inputs);
    const int8_t *weights = of->weights;
    const int32_t *bias = of->bias;
    for (int32_t unit = 0; unit < of->units; unit++, bias += 8) {
      int32_t sums[8];
      weights = gate_dot(x, weights, of->inputs, bias, sums);
      weights = gate_dot(h, weights, of->units, bias + 4, sums + 4);
      const int32_t in = gate_sigmoid(gate_sum(sums, of->factor)), out = gate_sum(sums + 3, of->factor + 3);
      const int32_t forget = gate_sigmoid(gate_sum(sums + 1, of->factor + 1));
      const int32_t new = gate_tanh(gate_sum(sums + 2, of->factor + 2), 3, 0);
      int32_t now = gate_cell(forget * cell[unit], in * new, of->add);
      now = now > of->clip ? of->clip : now < -of->clip ? -of->clip : now;
      cell[unit] = (int16_t)now;
      const int32_t hidden = gate_tanh(now, of->tanh[0], of->tanh[1]) * gate_sigmoid(out);
      output[unit] = clamp(gate_scale(hidden, of->hidden) + of->zero, -128, 127);
    }
    before = output;
  }
  memcpy(state, before, (size_t)of->units);
}
