/* What a convolution or dense layer is: its constants. */
typedef struct {
  const int8_t *weights;  /* pairs of output channels side by side, see KERNELS above */
  const int32_t *bias;    /* bias - input zero point * sum of the weights */
  const int32_t *multiplier;
  const int8_t *shift;      /* to the right */
  int32_t inputs;         /* products for each output */
  int32_t channels;       /* outputs */
  int32_t zero;           /* of the output */
  int32_t low, high;      /* of the output, by its activation */
} linear;

/* The sum of an output as it is stored. */
static inline int8_t finish(int32_t sum, int32_t multiplier, int32_t right, int32_t zero, int32_t low, int32_t high) {
  return clamp_s8(requantize(sum, multiplier, -right) + zero, low, high);
}
